"""The command line: the only rooms that know Typer and Rich; one file is one subcommand."""
