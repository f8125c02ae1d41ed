"""Counts what passed and prints what did not."""
import threading


class Report:
    def __init__(self, title):
        self.title, self.passed, self.failed = title, 0, 0
        self.lock = threading.Lock()

    def check(self, what, problems=(), count=1):
        """Passes if there are no problems; `count` says how many checks this was."""
        problems = list(problems)
        with self.lock:
            for problem in problems:
                print(f"FAIL {what}: {problem}")
            self.failed += len(problems)
            self.passed += max(count - len(problems), 0)

    def equal(self, what, found, expected):
        self.check(what, [] if found == expected else [f"found {found!r}, expected {expected!r}"])

    def end(self):
        print(f"{self.title}: {self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0
