"""What rooms do alike with the machine: whole files, locks, waiting, child processes, missing packages."""
