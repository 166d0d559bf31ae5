"""Certification authorities and certificates of a test's own, by openssl(1)."""
import os
import subprocess

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(folder, *command):
    subprocess.run(["openssl", *command], cwd=folder, check=True,
                   capture_output=True)


def make_ca(folder, name="ca"):
    """NAME.pem and NAME.key in the folder."""
    os.makedirs(folder, exist_ok=True)
    openssl(folder, "req", "-x509", *KEY, "-days", "2", "-subj",
            f"/CN=lab {name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")


def make_certificate(folder, alternative, name="tls", ca="ca"):
    """NAME.pem and NAME.key for a subjectAltName such as DNS:dot.example.net,
    signed by the authority."""
    openssl(folder, "req", *KEY, "-subj", f"/CN={name}", "-keyout",
            f"{name}.key", "-out", f"{name}.csr")
    with open(f"{folder}/{name}.ext", "w", encoding="ascii") as out:
        out.write(f"subjectAltName={alternative}\n")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem",
            "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", "2",
            "-extfile", f"{name}.ext", "-out", f"{name}.pem")
