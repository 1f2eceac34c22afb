"""What runs beside a submission, in a process of its own: it calls the student's functions and sends their answers.

It is started with copies of this file, of `messages.py` and `confinement.py` and of the submission, with NumPy and with
nothing else of this project: no check, no solution and no expected number is in this process, so nothing that a
submission does to it can be worth a point.
"""

import os
import sys

sys.path.append(sys.argv[-1])  # where NumPy is, and much else: only until NumPy is imported
import numpy as np

sys.path[-1] = os.getcwd()
from confinement import confine, limit  # noqa: E402
from messages import Service, encode, read_message  # noqa: E402

REASONS = (
    *("read files outside its folder", "write files outside its folder", "use the operating system"),
    "import more than NumPy and some of the standard library",
)


def main(file, submission, seconds, memory):
    """Serve calls until the grader hangs up."""
    limit(seconds, memory)

    def read(count):
        parts = []
        while count:
            part = os.read(file, min(count, 2**20))
            if not part:
                os._exit(0)
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def send(message):
        data = memoryview(encode(message))
        while data:
            data = data[os.write(file, data) :]

    def ask(name, arguments):
        send({"ask": name, "arguments": list(arguments)})
        reply = read_message(read)
        if "error" in reply:
            raise ValueError(reply["error"])
        return reply["reply"]

    Service.ask = staticmethod(ask)
    with open(submission, "rb") as source:
        code = source.read()
    confine(os.getcwd(), refusal(file))
    module, failed = run(code)
    while True:
        order = read_message(read)
        send(answer(module, failed, order["call"], order["arguments"]))


def refusal(file):
    """A function that says why, and ends the process: an error's traceback would hold the hook itself."""
    said = {reason: encode({"forbidden": reason}) for reason in REASONS}
    write, ends = os.write, os._exit

    def refuse(reason):
        write(file, said[reason])
        ends(1)

    return refuse


def run(code):
    """(the names that the submission defines, what went wrong or None)."""
    module = {"__name__": "submission", "__file__": "submission.py"}
    try:
        exec(compile(code, "submission.py", "exec"), module)
    except BaseException as error:
        return module, blame(error)
    return module, None


def answer(module, failed, name, arguments):
    """What a function of the submission gives; and what its arguments are afterwards."""
    if failed is not None:
        return {"failed": failed}
    if not callable(module.get(name)):
        return {"failed": f"there is no function `{name}` in it"}
    try:
        result = module[name](*arguments)
        message = {"result": result, "after": [a if isinstance(a, np.ndarray) else None for a in arguments]}
        encode(message)  # what cannot be sent is said in words
    except NotImplementedError:
        return {"blank": True}
    except BaseException as error:
        return {"failed": blame(error)}
    return message


def blame(error):
    """The error, and the line of the submission at which it happened."""
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "submission.py":
            line = trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename == "submission.py":
        line = error.lineno
    where = "" if line is None else f"line {line}: "
    if isinstance(error, MemoryError):
        return f"{where}it asks for more memory than there is for it"
    if isinstance(error, SystemExit):
        return f"{where}it ends the program"
    return f"{where}{type(error).__name__}: {str(error)[:200]}"


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
