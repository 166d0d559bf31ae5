"""Operators by TCP: with a token, as far as it goes, as long as it is valid."""
import os
import subprocess

from deploy.lab.lab import COLLECTOR_ADDRESS
from tests.lib.support import site_alone

PORT = 8053
API = f"http://127.0.0.1:{PORT}"


def by_tcp(site, *arguments, token=None, api=API):
    env = dict(os.environ)
    env.pop("NXCLEAR_TOKEN", None)
    if token is not None:
        env["NXCLEAR_TOKEN"] = token
    return subprocess.run([site.path("nxclear"), "--api", api, *arguments],
                          text=True, capture_output=True, check=False,
                          timeout=60, env=env)


def test_a_token_goes_as_far_as_its_scope():
    with site_alone(http={"listen": f"127.0.0.1:{PORT}"}) as site:
        token = site.cli("tokens", "create", "grafana").stdout.strip()
        admin = site.cli("tokens", "create", "ops", "--scope",
                         "admin").stdout.strip()
        done = by_tcp(site, "agents", "list")
        assert done.returncode == 77 and "token" in done.stderr, done
        done = by_tcp(site, "agents", "list", token=token)
        assert done.returncode == 0, done
        done = by_tcp(site, "tokens", "create", "more", token=token)
        assert done.returncode == 77 and "only read" in done.stderr, done
        done = by_tcp(site, "tokens", "revoke", "grafana", token=admin)
        assert done.returncode == 0, done
        done = by_tcp(site, "agents", "list", token=token)
        assert done.returncode == 77, done
        # From a file; one that everybody can read is refused.
        path = os.path.join(site.folder, "token")
        with open(path, "w", encoding="ascii") as out:
            out.write(admin + "\n")
        os.chmod(path, 0o644)
        done = by_tcp(site, "networks", "--token-file", path)
        assert done.returncode == 66 and "chmod" in done.stderr, done
        os.chmod(path, 0o600)
        done = by_tcp(site, "networks", "--token-file", path)
        assert done.returncode == 0, done
        # A network that nobody knows may be mistyped.
        site.agent("lyon").accept()
        done = site.cli("tokens", "create", "desk", "--network", "lyon,lyno")
        assert "no agent stands in a network lyno:" in done.stderr, done
        assert "network lyon" not in done.stderr, done
        listed = site.cli("tokens", "list").stdout
        assert "revoked" in listed and "valid" in listed, listed
        log = site.collector_program.daemon.log_text()
        for secret in (token, admin):
            assert secret not in log and secret[4:] not in log, log


def test_not_open_to_others_before_there_is_a_token():
    with site_alone() as site:
        collector = site.collector_program
        assert collector.daemon.stop() == 0
        collector.config["http"]["listen"] = f"0.0.0.0:{PORT}"
        collector.write_config()
        done = site.run([site.path("nxclear-collector"), "-c",
                         collector.config_path], check=False)
        assert done.returncode == 78, done
        assert "there is no token" in done.stderr, done
        collector.config["http"].pop("listen")
        collector.write_config()
        collector.start().wait_ready()
        token = site.cli("tokens", "create", "ops", "--expires",
                         "1h").stdout.strip()
        assert collector.daemon.stop() == 0
        collector.config["http"]["listen"] = f"0.0.0.0:{PORT}"
        collector.write_config()
        collector.start().wait_ready()
        api = f"http://{COLLECTOR_ADDRESS}:{PORT}"
        done = by_tcp(site, "networks", token=token, api=api)
        assert done.returncode == 0, done
        # One that is over keeps nobody out but its owner.
        site.cli("tokens", "revoke", "ops")
        assert collector.daemon.stop() == 0
        collector.start().wait_ready()
        assert "answers nobody" in collector.daemon.log_text()
        done = by_tcp(site, "networks", token=token, api=api)
        assert done.returncode == 77, done
        assert site.cli("networks").returncode == 0
