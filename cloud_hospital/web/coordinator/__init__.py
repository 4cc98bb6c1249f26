"""The coordinator's pages: month, a day's routes, import, holiday repair, versions, adherence, what is given out."""
