"""One system in a process of its own: both sides of the pipe, the supervisor between them, the limits.

In svbench's process, top down:

- `host`: `WorkerHost`, one system's worker. It loads the system, asks for separations, streams and
  measurements, and turns every crash, hang or false answer into one `SystemFailure`.
- `exchange`: what passes between the two, the reply lines and the folder of audio; nothing that the
  worker wrote is trusted.
- `limits`: the interpreter and weights that a system file names, and how much of the machine it may use.
- `spawn`: starts the worker under its supervisor, writes requests, waits for replies, ends it all.

In a process of its own, standard library only:

- `supervisor`: starts the worker, keeps its log and kills it with everything that it started.
- `processes`: the process tree and what it holds; used on all sides.

In the worker, possibly under another interpreter (Python 3.9 or later, numpy and soundfile):

- `main`: reads requests and writes replies.
- `calls`: separates, or feeds hop by hop, and checks what the system returns.
- `measure` and `networks`: what a profile asks: times, energy, sizes, multiply-accumulates.
"""
