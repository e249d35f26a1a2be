# Stands in for the VM's `_asyncio`, whose C code reads the VM's own millisecond clock: with this
# one asyncio sees the board's clock and nothing else. The queue is linked in order of `ph_key`.
import sys
from time import ticks_diff, ticks_ms


class TaskQueue:
    def __init__(self):
        self._head = None

    def peek(self):
        return self._head

    def push(self, task, key=None):
        if key is None:
            key = ticks_ms()
        task.data = None
        task.ph_key = key
        at = self._head
        if at is None or ticks_diff(key, at.ph_key) < 0:
            task._next = at
            self._head = task
            return
        after = at._next
        while after is not None and ticks_diff(key, after.ph_key) >= 0:
            at = after
            after = at._next
        task._next = after
        at._next = task

    def pop(self):
        task = self._head
        self._head = task._next
        task._next = None
        return task

    def remove(self, task):
        at = self._head
        if at is task:
            self._head = task._next
        else:
            while at is not None and at._next is not task:
                at = at._next
            if at is not None:
                at._next = task._next
        task._next = None


class Task:
    def __init__(self, coro, names=None):
        self.coro = coro
        self.data = None  # the exception to deliver, or the queue or task that this task waits on
        self.state = True  # True running, None or False done, a TaskQueue of waiters, or a callable
        self.ph_key = 0
        self._next = None

    def __iter__(self):
        if not self.state:
            self.state = False
        elif self.state is True:
            self.state = TaskQueue()
        elif not isinstance(self.state, TaskQueue):
            raise RuntimeError("can't wait")
        return self

    def __next__(self):
        if not self.state:
            raise self.data
        task = sys.modules["asyncio.core"].cur_task
        self.state.push(task)
        task.data = self

    __await__ = __iter__

    def done(self):
        return not self.state

    def cancel(self):
        if not self.state:
            return False
        core = sys.modules["asyncio.core"]
        if self is core.cur_task:
            raise RuntimeError("can't cancel self")
        task = self
        while isinstance(task.data, Task):
            task = task.data
        queue = core._task_queue
        if hasattr(task.data, "remove"):
            task.data.remove(task)
            queue.push(task)
        elif ticks_diff(task.ph_key, ticks_ms()) > 0:
            queue.remove(task)
            queue.push(task)
        task.data = core.CancelledError
        return True
