// Reads an iCalendar file with ical.js and with node-ical; prints for each a list of [uid, start, end, status], UTC.
const fs = require("fs");
const text = fs.readFileSync(process.argv[2], "utf8");
const iso = (date) => date.toISOString().slice(0, 19) + "Z";

const loaded = require("ical.js");
const ICAL = loaded.default || loaded;
const root = new ICAL.Component(ICAL.parse(text));
for (const zone of root.getAllSubcomponents("vtimezone")) ICAL.TimezoneService.register(zone);
const byIcalJs = root.getAllSubcomponents("vevent").map((component) => {
  const event = new ICAL.Event(component);
  return [event.uid, iso(event.startDate.toJSDate()), iso(event.endDate.toJSDate()), component.getFirstPropertyValue("status")];
});

const nodeIcal = require("node-ical");
const byNodeIcal = Object.values(nodeIcal.sync.parseICS(text))
  .filter((entry) => entry.type === "VEVENT")
  .map((entry) => [entry.uid, iso(entry.start), iso(entry.end), entry.status]);

process.stdout.write(JSON.stringify({ "ical.js": byIcalJs, "node-ical": byNodeIcal }));
