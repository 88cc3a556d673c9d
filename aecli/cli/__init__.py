"""The command line, the only rooms that know Typer and Rich: a file or folder a subcommand."""
