/*
 * The hand-over of a listening socket between generations of a server, and the last stop.
 *
 * The promise: who has sent its SYN and was answered (HALF, QUEUED) is served. It is CUT only if
 *   - the generation that had accepted it crashed, or
 *   - all who held the listening socket have crashed, or
 *   - the generation that said ready last has, after its predecessor had looked whether it
 *     lives and stopped accepting, and before that one closed its copy.
 * A client that vanishes half-way (GONE), or whose SYN finds gate or no listener (REFUSED),
 * was promised nothing.
 *
 * A generation can crash between any two steps: before ready that is also a failed exec.
 * The time-out may come at any moment before the byte of readiness is read: a hang is that.
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
mtype = { UNBORN, STARTING, SERVING, LEAVING, GATED, EMPTYING, REWAIT, CLOSING, DRAINING, ENDED, CRASHED };

mtype client[CLIENTS] = NEW;
byte owner[CLIENTS] = NONE;
mtype gen[GENERATIONS] = UNBORN;
bool holds[GENERATIONS], ready[GENERATIONS], frozen[GENERATIONS];
byte pred[GENERATIONS] = NONE;
byte born = 1, last_ready, living = 1;
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
		(gen[g] == LEAVING && gen[last_ready] == CRASHED));
	reset(i)
}

inline crash(g, i)
{
	gen[g] = CRASHED; living--; holds[g] = false;
	/* Nobody may have left the socket to one that was not ready. */
	assert(HELD || !(ANY(HALF) || ANY(QUEUED)) || ready[g] || gen[pred[g]] == CRASHED);
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
	:: d_step { ALIVE(g) && !frozen[g] -> crash(g, i) }
	:: !ALIVE(g) -> break /* crashed, ended or killed */

	/* The successor: says ready, then accepts. Nobody reads it if the predecessor died:
	 * it serves all the same, as it may be the only one that can. */
	:: d_step { gen[g] == STARTING && !frozen[g] ->
		if
#ifdef MUTANT_ORPHAN_QUITS
		:: !ALIVE(pred[g]) -> gen[g] = CLOSING
#endif
		:: else -> ready[g] = true; last_ready = g; gen[g] = SERVING
		fi }

	:: d_step { gen[g] == SERVING && !frozen[g] && ANY(QUEUED) -> accept(g, i) }
	:: d_step { ALIVE(g) && !frozen[g] && OWNS(g) -> serve(g, i) }

	/* Upgrade: the child inherits the listening socket. */
	:: atomic { gen[g] == SERVING && !frozen[g] && next == NONE && !stop &&
		born < GENERATIONS && ROOM ->
		next = born; born++; living++;
		assert(living <= CAP);
		gen[next] = STARTING; holds[next] = true; pred[next] = g;
		run Generation(next);
#ifdef MUTANT_CLOSE_EARLY
		gen[g] = LEAVING
#endif
	   }
	/* The byte: stop accepting; close in a step of its own. */
	:: d_step { gen[g] == SERVING && !frozen[g] && next != NONE && ready[next] && !late ->
		if
		:: gen[next] == CRASHED -> next = NONE /* seen in time: go on */
		:: else -> gen[g] = LEAVING
		fi }
	/* The end without a byte: go on, and perhaps try again. */
	:: d_step { gen[g] == SERVING && !frozen[g] && next != NONE && !late && !ready[next] &&
		gen[next] == CRASHED ->
#ifdef MUTANT_END_IS_READY
		gen[g] = LEAVING
#else
		next = NONE
#endif
	   }
	/* Time-out, or a stop: the successor is stopped first (SIGSTOP), so that no byte
	 * can come between the last look at the pipe and the kill. */
	:: d_step { gen[g] == SERVING && !frozen[g] && next != NONE && !ready[next] && !late &&
		gen[next] == STARTING ->
		late = true;
#ifndef MUTANT_LATE_KILL
		frozen[next] = true
#endif
	   }
	:: d_step { gen[g] == SERVING && !frozen[g] && late ->
		late = false; frozen[next] = false;
		if
#ifndef MUTANT_LATE_KILL
		:: ready[next] -> skip
#endif
		:: gen[next] == CRASHED -> next = NONE
		:: else -> assert(!OWNS(next)); crash(next, i); next = NONE
		fi }
	/* Whoever stops a successor and crashes must not leave it stopped: assumed here. */
	:: d_step { ALIVE(g) && frozen[g] && !ALIVE(pred[g]) -> frozen[g] = false }
	:: d_step { gen[g] == LEAVING && !frozen[g] -> close_copy(g, i); gen[g] = DRAINING }

	/* The last stop. */
	:: d_step { gen[g] == SERVING && !frozen[g] && stop && next == NONE && !late ->
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
		gen[0] = SERVING; holds[0] = true; ready[0] = true;
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
