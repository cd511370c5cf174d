"""Every command's name, where it stands and the first sentence of its help: `--help` imports no command."""

from commands.shared.lazy_group import Entry

COMMANDS = {
    "demo": Entry(
        "commands.run.demo:demo", "Turn the bundled sample logs into revised pairs, a report and a data set."
    ),
    "run": Entry("commands.run.run:run", "Take logs in and revise them: every stage up to the annotators' queue."),
    "ingest": Entry(
        "commands.run.run:ingest",
        "Take logs in, without revising: parse, filter, replace personal data, de-duplicate, classify, store.",
    ),
    "revise": Entry("commands.run.run:revise", "Revise every accepted pair that waits in the database."),
    "worker": Entry(
        "commands.run.worker:worker",
        "Revise what waits in the database, and what comes; any number of workers share it, on any number of hosts.",
    ),
    "serve": Entry(
        "commands.desk.serve:serve", "Run the service: queue, reviews, people, intake of logs, export, figures."
    ),
    "people": Entry("commands.desk.people:people_group", "Add people, give out tokens, end accounts."),
    "queue": Entry("commands.desk.queue:queue", "Post-edit revised pairs: claim one, edit the file, submit it."),
    "review": Entry(
        "commands.desk.review:review",
        "Decide about post-edits: look at the next one, approve it, fix it, or send it back.",
    ),
    "dashboard": Entry(
        "commands.desk.dashboard:dashboard", "Start the pages: the post-edit desk and everything else in a browser."
    ),
    "desk": Entry(
        "commands.desk.dashboard:desk",
        "Sit down and work: service and pages on this machine until Ctrl+C, with a token for you.",
    ),
    "stats": Entry(
        "commands.run.dataset:stats",
        "Where everything that came in has gone: pairs by status, rejects, exclusions, revisions by reason.",
    ),
    "report": Entry(
        "commands.run.dataset:report",
        "Write PATH, a self-contained HTML page: flow, reasons, statistics before and after, word diffs.",
    ),
    "export": Entry(
        "commands.run.dataset:export",
        "Write a data set with manifest and data card into FOLDER; `datasets.load_dataset` loads it as it is.",
    ),
    "evaluate": Entry(
        "commands.evaluate.evaluate:evaluate", "Test sets and judges: does the coach help, and how do we know."
    ),
    "train": Entry(
        "commands.coach.train_student:train",
        "Tune a coach on expert revisions (the default), or a student on a data set.",
    ),
    "adapters": Entry(
        "commands.coach.adapters:adapters",
        "The registry of coach adapters: candidate → gated → canary → current → retired, or rejected.",
    ),
    "convert": Entry(
        "commands.run.convert:convert",
        "Convert MODEL, a folder or hub id, for the engine `openvino`, with an adapter merged in, "
        "into the folder OUTPUT.",
    ),
    "refresh": Entry(
        "commands.coach.refresh:refresh",
        "Watch for newly approved pairs; train, gate and promote an adapter when there are enough.",
    ),
    "db": Entry("commands.run.database:db", "Create, upgrade and check the database's tables."),
    "topics": Entry(
        "commands.streams.topics:topics",
        "Show the topics, their settings and lag; exit with 1 when one is missing or unlike the settings.",
    ),
    "produce": Entry(
        "commands.streams.produce:produce",
        "Write logs to Kafka, each record as it is; intake workers take it from there.",
    ),
    "stream": Entry(
        "commands.streams.stream:stream",
        "Workers that carry logs from Kafka to the annotators' queue; any number of each, one process each.",
    ),
    "dead": Entry("commands.streams.dead:dead", "Dead letters: list, show, replay, discard."),
    "reconcile": Entry(
        "commands.streams.reconcile:reconcile",
        "Compare the broker's offsets with the database; exit with 1 when a message or pair is unaccounted for.",
    ),
    "doctor": Entry(
        "commands.run.doctor:doctor",
        "Check machine, database and engine; exits with 1 when something that is needed is broken.",
    ),
}
EVALUATE = {
    "sweep": Entry(
        "commands.coach.sweep:sweep",
        "Tune a coach for each α and base; likelihood of held-out expert text and what is left to edit, as Fig.",
    ),
    "compare-sets": Entry(
        "commands.evaluate.compare_sets:compare_sets",
        "Words, word edits and kinds of change between BEFORE and AFTER (paper Tables IV and VII).",
    ),
    "rate": Entry("commands.evaluate.rate:rate", "Rate the responses of data sets from 0 to 5 (paper Fig."),
    "judge": Entry(
        "commands.evaluate.judge:judge",
        "Compare CANDIDATE's responses with REFERENCE's on the same requests: WR1, WR2, QS, and the judges' biases.",
    ),
    "student": Entry(
        "commands.evaluate.compare_students:student",
        "Let a student (or any model's folder) answer test sets, and judge its answers against the references.",
    ),
    "compare": Entry(
        "commands.evaluate.compare_students:compare",
        "Tune a student on each data set of CONFIG and compare them: Tables IX and X, Fig.",
    ),
    "ratings": Entry(
        "commands.evaluate.ratings:ratings",
        "Blinded, randomised ratings by people, on sheets (a FOLDER) or at the pages (a --study): make, then read.",
    ),
}
"""Of `coachlm evaluate`, beside its own."""
ADAPTERS = {
    "gate": Entry(
        "commands.coach.refresh:gate",
        "Judge a candidate on the held-out approved pairs against what is in force; the decision is stored.",
    ),
}
"""Of `coachlm adapters`, beside its own."""
