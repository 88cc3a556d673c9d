"""What the subcommands of `aecli train` share."""
