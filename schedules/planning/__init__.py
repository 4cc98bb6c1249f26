"""A week's template from points, hours, vehicles, crews and ways: the same weekday each week."""
