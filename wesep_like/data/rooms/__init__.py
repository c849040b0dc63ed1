"""Responses of rooms that do not exist: how they are computed and measured, and pools of them."""
