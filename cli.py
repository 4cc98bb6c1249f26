"""The `clinic` command: mounts the command groups of `commands/`, nothing else."""

from commands.app import run as main

if __name__ == "__main__":
    main()
