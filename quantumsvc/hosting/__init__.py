"""What it takes to run the service on one machine: its database, its processes, its folders."""
