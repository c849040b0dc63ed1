"""Published layouts -> our modules: the only room that knows foreign key names."""

from wesep_like.interop.published import load_published

__all__ = ["load_published"]
