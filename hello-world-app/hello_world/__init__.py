"""A small web page that tells which deploy preview it is."""
