"""The messages between a pool and an agent on another machine, each in an envelope that names the slot it is about.

=========  =========  ======================================================================================
kind       direction  fields
=========  =========  ======================================================================================
START      down       (name,): start a worker
RELAY      both       a frame of `pathos_nb.wire.protocol`, for the slot's worker or from it
LIMIT      down       (chunk, items): begin no item from that one on
TAKE_BACK  down       (chunk, items): the same, and say what came of it
INTERRUPT  down       (chunk,)
WATCH      down       (chunk, seconds, reason): kill, if it is at one item of it for so long
KILL       down       (reason,)
RETIRE     down       ()
CARRY      down       (modules,) then an archive of the user's own modules, in place of those sent before
SHARE      down       (key,) then the bytes of a shared value, which the workers there may ask for
UNSHARE    down       (key,): it has been freed
LOOK       down       (number, files): are these seen there? If not, they are to be asked for
PIECE      down       (digest, offset, what is wrong) then bytes of a file, from the offset on
BEAT       down       (clock, seconds): to be echoed; and how long a silence may last, now that there is somebody
FORKED     up         (process id,)
DOWN       up         (reason, tail, what it was at or None)
TAKEN      up         (chunk, items): it begins no item from that one on
AT         up         (chunk, offset, seconds ago, width): what a worker has been at for a while
WANT       up         (digest, offset): the next piece of a file
LOOKED     up         (number, what is wrong): the files of that `LOOK` are there, or will not be
FAILED     up         (reason,): no more workers can be started
ECHO       up         (clock, time): of a `BEAT`, and the time there in seconds since the epoch
=========  =========  ======================================================================================
"""

from __future__ import annotations

START, RELAY, LIMIT, TAKE_BACK, INTERRUPT, WATCH, KILL, RETIRE, CARRY, SHARE, UNSHARE, BEAT = range(1, 13)
FORKED, DOWN, TAKEN, AT, FAILED, ECHO = range(13, 19)
LOOK, PIECE, WANT, LOOKED = range(19, 23)

BEAT_S = 1.5
"""How often each side says that it is there: so that both ends of a cut link know it, and end, within five seconds."""
SILENCE_BEATS = 2.5
"""After how many beats without a word the pool takes the link for cut, and so does the agent if it sees why."""
JUMP_BEATS = 2.75
"""After how many beats without a word an agent whose system sees no cut, for a jump host, takes the link for cut.

It looks four times a beat: three beats after the last word it has found it, a little later than the pool."""
ORPHAN_S = 30.0
"""After how long without a word the agent takes itself for forgotten: a pool may be asleep, and come back."""
BRIEF, LONG = b"-", b"."
"""The signs of life for a ppft server that was carried to a host: a silence may last `JUMP_BEATS`, or `ORPHAN_S`."""
