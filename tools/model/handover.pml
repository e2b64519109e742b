/*
 * The hand-over of a listening socket between generations of a server, and the last stop.
 *
 * The promise: who has sent its SYN and was answered (HALF, QUEUED) is served. It is CUT only if
 *   - the generation that had accepted it crashed, or
 *   - all who held the listening socket have crashed, or
 *   - the generation that was let in last has, after its predecessor had said so to it while
 *     it lived and stopped accepting, and before that one closed its copy, or
 *   - the predecessor has, while one that it had not let in was stopping.
 * A client that vanishes half-way (GONE), or whose SYN finds gate or no listener (REFUSED),
 * was promised nothing.
 *
 * A successor says that it is ready, and accepts when it hears "go", or that nobody is there
 * to say it (src/server/link.h). A generation can crash between any two steps: before ready
 * that is also a failed exec. The time-out may come at any moment before "go": a hang is that.
 * Not modelled: deadline of the drain, workers, several listeners, a full queue, cookies.
 *
 * tools/model/check runs it, and with each MUTANT, which must fail. A counterexample:
 *     spin -a -DMUTANT_x handover.pml; cc -DSAFETY -DNOCLAIM -o pan pan.c; ./pan -m100000;
 *     spin -DMUTANT_x -t -p -g handover.pml
 */
#ifndef CLIENTS
#define CLIENTS 2
#endif
#ifndef CAP
#define CAP 3 /* generations that may live at once */
#endif
#define GENERATIONS 3
#define NONE GENERATIONS

mtype = { NEW, HALF, QUEUED, TAKEN, SERVED, GONE, REFUSED, CUT };
mtype = { UNBORN, STARTING, WAITING, SERVING, LEAVING, GATED, EMPTYING, REWAIT, CLOSING, QUITTING, DRAINING, ENDED, CRASHED };

mtype client[CLIENTS] = NEW;
byte owner[CLIENTS] = NONE;
mtype gen[GENERATIONS] = UNBORN;
bool holds[GENERATIONS], ready[GENERATIONS], go[GENERATIONS];
byte pred[GENERATIONS] = NONE;
byte born = 1, last_in, living = 1;
bool gate, stop;

#define ALIVE(g) (gen[g] != UNBORN && gen[g] != ENDED && gen[g] != CRASHED)
#define HELD (holds[0] || holds[1] || holds[2])
#if CLIENTS == 2
#define ANY(s) (client[0] == s || client[1] == s)
#define OWNS(g) ((client[0] == TAKEN && owner[0] == g) || (client[1] == TAKEN && owner[1] == g))
#else
#define ANY(s) (client[0] == s || client[1] == s || client[2] == s)
#define OWNS(g) ((client[0] == TAKEN && owner[0] == g) || \
	(client[1] == TAKEN && owner[1] == g) || (client[2] == TAKEN && owner[2] == g))
#endif

/* The last copy is closed: the kernel resets who waits. */
inline reset(i)
{
	i = 0;
	do
	:: i < CLIENTS ->
		if
		:: !HELD && (client[i] == HALF || client[i] == QUEUED) -> client[i] = CUT
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

inline close_copy(g, i)
{
	holds[g] = false;
	assert(HELD || !(ANY(HALF) || ANY(QUEUED)) ||
		(gen[g] == LEAVING && gen[last_in] == CRASHED) ||
		(gen[g] == QUITTING && gen[pred[g]] == CRASHED));
	reset(i)
}

inline crash(g, i)
{
	gen[g] = CRASHED; living--; holds[g] = false;
	/* Nobody may have left the socket to one that was not let in. */
	assert(HELD || !(ANY(HALF) || ANY(QUEUED)) || go[g] || gen[pred[g]] == CRASHED);
	i = 0;
	do
	:: i < CLIENTS ->
		if
		:: client[i] == TAKEN && owner[i] == g -> client[i] = CUT
		:: else
		fi;
		i++
	:: else -> break
	od;
	reset(i)
}

inline accept(g, i)
{
	i = 0;
	do
	:: client[i] == QUEUED -> client[i] = TAKEN; owner[i] = g; break
	:: else -> i++
	od;
	i = 0
}

inline serve(g, i)
{
	i = 0;
	do
	:: client[i] == TAKEN && owner[i] == g -> client[i] = SERVED; break
	:: else -> i++
	od;
	i = 0
}

proctype Client(byte c)
{
	if /* SYN */
	:: atomic { HELD && !gate -> client[c] = HALF }
	:: atomic { !HELD || gate -> client[c] = REFUSED; goto done }
	fi;
	if /* its ACK, or never one, or a reset meanwhile */
	:: atomic { client[c] == HALF -> client[c] = QUEUED }
	:: atomic { client[c] == HALF -> client[c] = GONE }
	:: client[c] == CUT
	fi;
done:	skip
}

proctype Operator() { stop = true }

#ifdef MUTANT_NO_CAP
#define ROOM true
#else
#define ROOM (living < CAP)
#endif

proctype Generation(byte g)
{
	byte i, next = NONE;
	bool late;
	do
	:: d_step { ALIVE(g) -> crash(g, i) }
	:: !ALIVE(g) -> break /* crashed, ended or killed */

	/* The successor: says ready, then waits. */
	:: d_step { gen[g] == STARTING -> ready[g] = true;
#ifdef MUTANT_NO_WAIT
		gen[g] = SERVING
#else
		gen[g] = WAITING
#endif
	   }
	:: d_step { gen[g] == WAITING && go[g] -> gen[g] = SERVING }
	/* Nobody answers if the predecessor died: it serves all the same, as it may be the
	 * only one that can. */
	:: d_step { gen[g] == WAITING && !go[g] && !ALIVE(pred[g]) ->
#ifdef MUTANT_ORPHAN_QUITS
		gen[g] = CLOSING
#else
		go[g] = true; last_in = g; gen[g] = SERVING
#endif
	   }
	/* Told to stop before it was let in: from then on it hears nothing. */
	:: d_step { gen[g] == WAITING && !go[g] && ALIVE(pred[g]) && stop -> gen[g] = QUITTING }
	:: d_step { gen[g] == QUITTING -> close_copy(g, i); gen[g] = DRAINING }

	:: d_step { gen[g] == SERVING && ANY(QUEUED) -> accept(g, i) }
	:: d_step { ALIVE(g) && OWNS(g) -> serve(g, i) }

	/* Upgrade: the child inherits the listening socket. */
	:: atomic { gen[g] == SERVING && next == NONE && !stop && born < GENERATIONS && ROOM ->
		next = born; born++; living++;
		assert(living <= CAP);
		gen[next] = STARTING; holds[next] = true; pred[next] = g;
		run Generation(next);
#ifdef MUTANT_CLOSE_EARLY
		gen[g] = LEAVING
#endif
	   }
	/* It is ready: "go", if it still listens to us. We stop accepting, and close in a step
	 * of its own. */
	:: d_step { gen[g] == SERVING && next != NONE && ready[next] && !late ->
		if
#ifndef MUTANT_DEAF_GO
		:: gen[next] != WAITING -> next = NONE /* it has ended, or stops: go on */
#endif
		:: else -> go[next] = true; last_in = next; gen[g] = LEAVING
		fi }
	/* The end without a word: go on, and perhaps try again. */
	:: d_step { gen[g] == SERVING && next != NONE && !late && !ready[next] &&
		!ALIVE(next) ->
#ifdef MUTANT_END_IS_READY
		gen[g] = LEAVING
#else
		next = NONE
#endif
	   }
	/* Time-out, or a stop: it is decided, and the kill comes at any moment after. */
	:: d_step { gen[g] == SERVING && next != NONE && !late && !go[next] -> late = true }
	:: d_step { gen[g] == SERVING && late ->
		late = false;
		if
		:: ALIVE(next) -> assert(!OWNS(next)); crash(next, i)
		:: else
		fi;
		next = NONE }
	:: d_step { gen[g] == LEAVING -> close_copy(g, i); gen[g] = DRAINING }

	/* The last stop. */
	:: d_step { gen[g] == SERVING && stop && next == NONE ->
#ifndef MUTANT_NO_GATE
		gate = true;
#endif
#ifdef MUTANT_NO_HALF_WAIT
		gen[g] = EMPTYING
#else
		gen[g] = GATED
#endif
	   }
#ifdef MUTANT_QUEUE_FIRST
	:: d_step { gen[g] == GATED && ANY(QUEUED) -> accept(g, i) }
	:: d_step { gen[g] == GATED && !ANY(QUEUED) -> gen[g] = REWAIT }
	:: d_step { gen[g] == REWAIT && !ANY(HALF) -> gen[g] = CLOSING }
#else
	:: d_step { gen[g] == GATED && !ANY(HALF) -> gen[g] = EMPTYING }
#endif
	:: d_step { gen[g] == EMPTYING && ANY(QUEUED) -> accept(g, i) }
	:: d_step { gen[g] == EMPTYING && !ANY(QUEUED) -> gen[g] = CLOSING }
	:: d_step { gen[g] == CLOSING -> close_copy(g, i); gen[g] = DRAINING }

	:: d_step { gen[g] == DRAINING && !OWNS(g) -> gen[g] = ENDED; living-- }
	od
}

init
{
	byte c;
	atomic {
		gen[0] = SERVING; holds[0] = true; go[0] = true;
		run Generation(0); run Operator();
		do
		:: c < CLIENTS -> run Client(c); c++
		:: else -> break
		od
	}
}

/* Clients are alike: what holds for one holds for each. */
ltl served { [] (client[0] == QUEUED -> <> (client[0] == SERVED || client[0] == CUT)) }
/* A stop ends everything. */
ltl ends { <> (stop && living == 0) }
