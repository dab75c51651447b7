"""The agent: workers over one stream, first to a process of this machine, then to real hosts."""
