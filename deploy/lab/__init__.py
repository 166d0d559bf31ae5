"""A DNS laboratory for demonstrations and system tests. See lab.py."""
