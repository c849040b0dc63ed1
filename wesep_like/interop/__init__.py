"""Published layouts -> our modules: the only room that knows foreign key names."""
