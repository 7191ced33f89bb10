"""What the measures share: processes, private PostgreSQL clusters, the machine, results. See bench/README.md."""
