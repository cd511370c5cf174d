"""Every command's name, where it stands and the first sentence of its help: `--help` imports no command."""

from commands.shared.lazy_group import Entry

COMMANDS = {
    "demo": Entry("commands.run.demo:demo", "Revise the bundled sample logs; write report and data set."),
    "run": Entry("commands.run.run:run", "Take logs in and revise them, up to the annotators' queue."),
    "ingest": Entry(
        "commands.run.run:ingest",
        "Take logs in without revising them.",
    ),
    "pull": Entry(
        "commands.run.pull:pull",
        "Pull logs from Langfuse, LangSmith, Phoenix or Hugging Face.",
    ),
    "revise": Entry("commands.run.run:revise", "Revise every accepted pair that waits in the database."),
    "worker": Entry(
        "commands.run.worker:worker",
        "Revise what waits in the database, and what comes.",
    ),
    "serve": Entry("commands.desk.serve:serve", "Run the HTTP service."),
    "people": Entry(
        "commands.desk.people:people_group",
        "Add people, give out tokens, end accounts.",
    ),
    "queue": Entry("commands.desk.queue:queue", "Post-edit revised pairs: claim one, edit the file, submit it."),
    "review": Entry(
        "commands.desk.review:review",
        "Review post-edits: see the next, approve, fix or return it.",
    ),
    "dashboard": Entry("commands.desk.dashboard:dashboard", "Start the web pages for a running `coachlm serve`."),
    "desk": Entry(
        "commands.desk.dashboard:desk",
        "Start the service and the web desk locally for one person.",
    ),
    "stats": Entry(
        "commands.run.dataset:stats",
        "Count pairs by status, and rejects and exclusions by reason.",
    ),
    "explain": Entry(
        "commands.run.explain:explain",
        "Say why intake decided so about a pair.",
    ),
    "report": Entry(
        "commands.run.dataset:report",
        "Write a self-contained HTML report to PATH.",
    ),
    "duplicates": Entry("commands.run.duplicates:duplicates", "Show near copies; find pairs that mean the same."),
    "select": Entry("commands.run.select:select", "Choose the pairs that are worth people's time."),
    "export": Entry(
        "commands.run.export:export",
        "Write a data set with manifest and data card into FOLDER.",
    ),
    "evaluate": Entry("commands.evaluate.evaluate:evaluate", "Test sets, judges and ratings: does the coach help?"),
    "train": Entry(
        "commands.coach.train_student:train",
        "Tune a coach on expert revisions, or a student.",
    ),
    "adapters": Entry(
        "commands.coach.adapters:adapters",
        "Register, gate and promote coach adapters.",
    ),
    "convert": Entry(
        "commands.run.convert:convert",
        "Convert a model for the engine `openvino`.",
    ),
    "refresh": Entry(
        "commands.coach.refresh:refresh",
        "Train, gate and promote an adapter on new approved pairs.",
    ),
    "db": Entry("commands.run.database:db", "Create, upgrade and check the database's tables."),
    "topics": Entry(
        "commands.streams.topics:topics",
        "Show the Kafka topics, their settings and lag.",
    ),
    "produce": Entry(
        "commands.streams.produce:produce",
        "Write logs to Kafka, each record as it is.",
    ),
    "stream": Entry(
        "commands.streams.stream:stream",
        "Run workers that carry logs from Kafka to the queue.",
    ),
    "dead": Entry("commands.streams.dead:dead", "Dead letters: list, show, replay, discard."),
    "rejects": Entry("commands.streams.rejects:rejects", "Records that became no pair: list, show, export."),
    "reconcile": Entry(
        "commands.streams.reconcile:reconcile",
        "Compare the broker's offsets with the database.",
    ),
    "doctor": Entry(
        "commands.run.doctor:doctor",
        "Check machine, database and engine.",
    ),
}
EVALUATE = {
    "sweep": Entry(
        "commands.coach.sweep:sweep",
        "Tune a coach for each α and base, and draw the curve.",
    ),
    "compare-sets": Entry(
        "commands.evaluate.compare_sets:compare_sets",
        "Compare two versions of a data set: words, edits, kinds.",
    ),
    "rate": Entry("commands.evaluate.rate:rate", "Rate responses from 0 to 5, or pairs by the rubric."),
    "judge": Entry(
        "commands.evaluate.judge:judge",
        "Compare the responses of two models to the same requests.",
    ),
    "student": Entry(
        "commands.evaluate.compare_students:student",
        "Let a student answer test sets, and judge its answers.",
    ),
    "compare": Entry(
        "commands.evaluate.compare_students:compare",
        "Tune a student per data set and compare them.",
    ),
    "ratings": Entry(
        "commands.evaluate.ratings:ratings",
        "Blind ratings by people: make sheets or studies, read them.",
    ),
}
"""Of `coachlm evaluate`, beside its own."""
ADAPTERS = {
    "gate": Entry(
        "commands.coach.refresh:gate",
        "Judge a candidate against the adapter in force.",
    ),
}
"""Of `coachlm adapters`, beside its own."""
