"""The one draft of a hospital: changed by hand one visit at a time, published as a version, nobody overtaken.

Everything that changes it names the revision its author saw; another one is a Conflict. After each change the whole
plan is laid out and checked again.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Final

import msgspec

from clinic_records.clock import CHINA
from clinic_records.errors import Conflict, Hint, NotFound, RefusedInput
from clinic_records.people import Author
from clinic_records.schedule import PublishedSchedule, Visit
from cloud_hospital.downlink import queue_schedules
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.locks import exclusive
from cloud_hospital.vehicles import active_vehicles
from schedules.check import check_plan
from schedules.desk.choices import Moving, change_of
from schedules.desk.decide import LONGEST_TEXT, Wish, Word, cancel, move, swap, with_change
from schedules.draft import publish_draft
from schedules.findings import has_errors
from schedules.folder import Draft, Edit, PlanFolder
from schedules.model import Action, Plan
from schedules.repair.decide import accept, reject
from schedules.repair.proposal import Change
from schedules.repair.words import WORDS

LOCK: Final = "schedule-draft"
REMEMBERED_VISITS: Final = 200_000
"""Of the newest versions, kept decoded between pages: some 80 MB at most; a county's version has 3,700."""

_Act = Callable[[Draft, Plan], tuple[Plan, str]]
"""Of the draft and its plan as it stands by then: the plan after it, and the visit it was about."""


class ScheduleDesk:
    """The draft and the versions of one hospital."""

    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital
        self.folder = PlanFolder(hospital.folder.root)
        self._versions: dict[int, PublishedSchedule] = {}

    def today(self) -> date:
        """The date at +08:00."""
        return self.hospital.now().astimezone(CHINA).date()

    def versions(self) -> list[PublishedSchedule]:
        """All versions, lowest first; their files never change, so the newest ones are read once.

        Raises:
            RefusedInput: the file of one was altered.
        """
        known = self._versions
        every = [known.get(number) or self.folder.version(number) for number in self.folder.numbers()]
        self._versions, visits = {}, 0
        for one in reversed(every):
            visits += len(one.visits)
            if visits <= REMEMBERED_VISITS:
                self._versions[one.version] = one
        return every

    def draft(self) -> Draft | None:
        """The draft; None where nothing was imported yet.

        Raises:
            RefusedInput: the file is damaged.
        """
        try:
            return self.folder.draft()
        except NotFound:
            return None

    def editable(self) -> Draft:
        """The draft, every row of which was taken.

        Raises:
            NotFound: nothing was imported yet.
            RefusedInput: rows of it were refused, or an older program imported it.
        """
        draft = self.folder.draft()
        _must_be_read(draft)
        return draft

    def take_up(self, name: str, *also: date) -> Moving:
        """A visit taken up from the draft, to be put down from today on.

        Raises:
            NotFound: there is no such visit.
            RefusedInput: as `editable`.
        """
        draft = self.editable()
        return Moving(draft.plan, name, self.today(), *also, laid=(draft.first, draft.last))

    def move(self, by: Author, revision: int, name: str, wish: Wish, word: Word) -> Draft:
        """The visit elsewhere.

        Raises:
            NotFound, RefusedInput: as `schedules.desk.decide.move`.
            Conflict: another revision.
        """

        def act(draft: Draft, plan: Plan) -> tuple[Plan, str]:
            return move(plan, name, wish, word, self.today(), (draft.first, draft.last))[0], name

        return self._change(by, revision, act)

    def cancel(self, by: Author, revision: int, name: str, word: Word) -> Draft:
        """The visit away.

        Raises:
            NotFound, RefusedInput: as `schedules.desk.decide.cancel`.
            Conflict: another revision.
        """
        return self._change(by, revision, lambda _, plan: (cancel(plan, name, word, self.today())[0], name))

    def swap(
        self, by: Author, revision: int, name: str, stead: Mapping[str, str], word: Word, *, whole_day: bool = False
    ) -> Draft:
        """Other people at the visit, and with `whole_day` at the vehicle's other visits of that day: all or none.

        Raises:
            NotFound, RefusedInput: as `schedules.desk.decide.swap`.
            Conflict: another revision.
        """

        def act(one: str, theirs: Mapping[str, str]) -> _Act:
            return lambda _, plan: (swap(plan, one, theirs, word, self.today()), one)

        visits: dict[str, Visit] = {visit.visit_id: visit for visit in self.folder.draft().visits}
        acts = [act(name, stead)]
        for visit in visits.values() if whole_day and name in visits else ():
            is_same_day = (visit.date, visit.vehicle_id) == (visits[name].date, visits[name].vehicle_id)
            theirs = {one: who for one, who in stead.items() if one in visit.staff_ids and who != one}
            if is_same_day and visit.visit_id != name and theirs:
                acts.append(act(visit.visit_id, theirs))
        return self._change(by, revision, *acts)

    def accept(self, by: Author, revision: int, changes: Iterable[Change], word: Word) -> Draft:
        """Make-up visits, as proposed or edited: all of them or none.

        Raises:
            RefusedInput: one does not fit (any more).
            Conflict: another revision.
        """
        approver = word.approved_by.strip()[:LONGEST_TEXT]

        def act(change: Change) -> _Act:
            def made(draft: Draft, plan: Plan) -> tuple[Plan, str]:
                _must_have_its_day(change, self.today(), draft)
                return accept(plan, change, approved_by=approver, announced_on=word.announced_on), change.change_id

            return made

        return self._change(by, revision, *map(act, changes))

    def refuse(self, revision: int, change: Change) -> Draft:
        """A make-up visit that nobody wants on that day: it is not proposed again.

        Raises:
            Conflict: another revision.
        """
        with exclusive(self.hospital.engine, LOCK, self.hospital.folder.run):
            draft = self._of(revision)
            refused = tuple(sorted(reject(draft.refused, change)))
            return self._save(msgspec.structs.replace(draft, refused=refused))

    def undo(self, revision: int) -> Draft:
        """The last change by hand taken back.

        Raises:
            NotFound: there is none.
            Conflict: another revision.
        """
        with exclusive(self.hospital.engine, LOCK, self.hospital.folder.run):
            draft = self._of(revision)
            if not draft.edits:
                raise NotFound("nothing to undo", hint=Hint("没有可撤销的。", "There is nothing to undo."))
            last = draft.edits[-1]
            plan = with_change(draft.plan, last.visit_id, last.before)
            return self._save(_laid(msgspec.structs.replace(draft, plan=plan, edits=draft.edits[:-1])))

    def replace(self, draft: Draft) -> Draft:
        """Another draft, newly imported; durable on return. Returns it with its revision."""
        with exclusive(self.hospital.engine, LOCK, self.hospital.folder.run):
            return self.folder.take_draft(draft)

    def publish(
        self,
        by: Author | None,
        revision: int | None,
        approved_by: str,
        effective_from: date | None,
        number: int | None = None,
    ) -> PublishedSchedule:
        """The draft as the next version, queued for every vehicle; what the newest one says already is that one.

        Args:
            by: who publishes; None: the command line, where an approver need not be named.
            revision: of the draft that was seen; None: as it stands.
            approved_by: who approved it.
            effective_from: the first day it holds; None: today, or its first day.
            number: what the version was to be when it was looked at; None: whatever is next.

        Raises:
            RefusedInput: nobody approved it, it has errors or no visit, the day lies outside its days, or it is over
                and another version was in force: what vehicles went by is what they are measured by.
            Conflict: another revision, or somebody has published meanwhile.
        """
        approver = approved_by.strip()[:LONGEST_TEXT]
        if by is not None and not approver:
            raise RefusedInput("nobody approved it", hint=Hint("写上批准人。", "Say who approved it."))
        with exclusive(self.hospital.engine, LOCK, self.hospital.folder.run):
            draft = self.folder.draft() if revision is None else self._of(revision)
            self._must_be_next(number)
            version = publish_draft(
                self.folder, draft, effective_from, self.today(), approver, self._must_rewrite_nothing
            )
            self.folder.keep_publication(version.version, draft, by.name if by else "", self.hospital.now())
        queue_schedules(self.hospital, active_vehicles(self.hospital))
        return version

    def _must_be_next(self, number: int | None) -> None:
        newest = max(self.folder.numbers(), default=0)
        if number is None or number == newest + 1:
            return
        told = self.folder.publication(newest)
        by = told.published_by if told else ""
        raise Conflict(
            f"version {newest} was published meanwhile, so this would not be version {number}",
            hint=Hint(
                f"{by or '别人'}刚发布了第{newest}版，没有再发。看一下还有什么没发布。",
                f"{by or 'Someone'} has just published version {newest}; nothing more was. See what is left.",
            ),
        )

    def _must_rewrite_nothing(self, made: PublishedSchedule) -> None:
        today, start = self.today(), made.effective_from
        yesterday = min(made.last, today - timedelta(days=1))
        for one in self.versions():
            if max(start, one.effective_from) <= min(yesterday, one.last):
                raise RefusedInput(
                    f"effective_from {start} is over, and version {one.version} was in force",
                    hint=Hint(
                        f"{start} 已经过去，当时用的是第{one.version}版，不能改。从 {today} 起用。",
                        f"{start} is over, and version {one.version} was in force: it stays. Choose {today} or later.",
                    ),
                )

    def _change(self, by: Author, revision: int, *acts: _Act) -> Draft:
        with exclusive(self.hospital.engine, LOCK, self.hospital.folder.run):
            draft = self._of(revision)
            _must_be_read(draft)
            plan, edits, now = draft.plan, list(draft.edits), self.hospital.now()
            for act in acts:
                before = plan
                plan, name = act(draft, before)
                edits.append(Edit(now, by.name, name, change_of(before, name), change_of(plan, name)))
            return self._save(_laid(msgspec.structs.replace(draft, plan=plan, edits=tuple(edits))))

    def _of(self, revision: int) -> Draft:
        draft = self.folder.draft()
        if draft.revision != revision:
            who = draft.edits[-1].by if draft.edits else draft.imported_by
            raise Conflict(
                f"the draft is at revision {draft.revision}, not {revision}",
                hint=Hint(
                    f"{who or '别人'}刚改过。看一下现在的样子再改。", f"{who or 'Someone'} changed it. Look again."
                ),
            )
        return draft

    def _save(self, draft: Draft) -> Draft:
        saved = msgspec.structs.replace(draft, revision=draft.revision + 1)
        self.folder.save_draft(saved)
        return saved


def _must_be_read(draft: Draft) -> None:
    if has_errors(draft.of_reading) or not draft.plan.rules:
        raise RefusedInput(
            "rows of the plan were refused; correct the files and import them again",
            hint=Hint(
                "文件里还有看不懂的行，先改好再导入，然后才能在这里调整。",
                "Rows of the files could not be read: correct and import them, then change visits here.",
            ),
        )


def _must_have_its_day(change: Change, today: date, draft: Draft) -> None:
    day = change.new_date or change.original_date
    code = "P03" if day < today else "P04" if not draft.first <= day <= draft.last else ""
    if code and change.action is not Action.CANCEL:
        zh, en = WORDS[code]
        raise RefusedInput(
            f"{change.change_id} on {change.new_date}: {en}",
            hint=Hint(f"不能这样改：{zh}。", f"It cannot be there: {en}."),
        )


def _laid(draft: Draft) -> Draft:
    """The draft laid out and checked anew."""
    checked = check_plan(draft.plan, draft.first, draft.last)
    return msgspec.structs.replace(draft, visits=checked.visits, findings=(*draft.of_reading, *checked.findings))
