"""POCT1-A over TCP: point-of-care devices and meter docks that call us; we are their observation reviewer."""
