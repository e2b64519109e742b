#!/bin/sh
# Wrong words on the command line: one line that quotes the word and says what would be
# right, exit 100, and nothing is left behind.  K1 K7 B1 B2
# shellcheck source=tests/sh/tap.sh disable=SC2154
. "$(dirname "$0")/tap.sh"

# An address that leaves a file when it is opened, and one that does not matter.
unix=unix:$tap_dir/sock

# run ARGUMENT...: $said and $code.  What is wrongly accepted would serve for ever.
run() {
	said=$(timeout 5 "$HARK" "$@" 2>&1 >"$tap_dir/output" </dev/null)
	code=$?
}


# clean: after run: exit 100, and nothing is left.
clean() {
	is "$1: exit code" "$code" 100
	is "$1: nothing on standard output, no socket" \
		"$(cat "$tap_dir/output")$(ls "$tap_dir/sock" 2>/dev/null)" ""
	rm -f "$tap_dir/sock"
}

# wrong SENTENCE MESSAGE ARGUMENT...: exactly that message
wrong() {
	sentence=$1 message=$2
	shift 2
	run "$@"
	is "$sentence" "$said" "hark: $message"
	clean "$sentence"
}

# like SENTENCE TEXT PART...: one line with these parts
like() {
	has "$@"
	is "$1: one line" "$(printf '%s\n' "$said" | wc -l | tr -d ' ')" 1
	clean "$1"
}

help="try 'hark serve --help'"

# -------------------------------------------------------------------------- commands

wrong "no word" "no command given; try 'hark --help'"
wrong "an unknown command" "unknown command 'frobnicate'; try 'hark --help'" frobnicate
wrong "nearly a command" "unknown command 'sevre'; did you mean 'serve'? try 'hark --help'" \
	sevre "$unix" --echo
wrong "nearly a command, with a program" \
	"unknown command 'serv'; did you mean 'serve'? try 'hark --help'" serv "$unix" -- cat

# ---------------------------------------------------------------------- the two parts

wrong "no address" "no address given; try 'hark serve localhost:4481 --echo'" serve --echo
wrong "no address but a program" "no address given; try 'hark serve localhost:4481 --echo'" \
	serve -- cat
wrong "the same without the command" \
	"no address given; try 'hark serve localhost:4481 --echo'" -- cat
wrong "no program and no service" "nothing to serve at '$unix'; add '-- PROGRAM' or a service \
such as --echo, or $help" serve "$unix"
wrong "nothing behind --" "nothing to serve at '$unix'; add '-- PROGRAM' or a service such as \
--echo, or $help" serve "$unix" --
wrong "the same without the command" "nothing to serve at '$unix'; add '-- PROGRAM' or a \
service such as --echo, or $help" "$unix"
run serve "$unix" cat
like "-- was forgotten" "$said" "'cat'" "--"
wrong "a service and a program" \
	"a built-in service needs no program, such as 'cat'; leave one of them out" \
	serve "$unix" --echo -- cat
run serve "$unix" --echo --discard
like "two services" "$said" "'--discard'" "--echo"
# shellcheck disable=SC2046 # as words
wrong "too many addresses" "too many addresses, from '33'; 32 are the most" \
	serve --echo $(seq 33)

# --------------------------------------------------------------------------- options

wrong "an unknown option" "unknown option '--frobnicate'; $help" \
	serve "$unix" --frobnicate -- cat
wrong "nearly an option" "unknown option '--ehco'; did you mean '--echo'? $help" \
	serve "$unix" --ehco
wrong "nearly an option, with a value" \
	"unknown option '--bakclog=7'; did you mean '--backlog'? $help" \
	serve --bakclog=7 "$unix" --echo
wrong "an unknown letter" "unknown option '-Z'; $help" serve -Z "$unix" --echo
wrong "an unknown letter among others" "unknown option '-Z'; $help" serve -vZ "$unix" -- cat
run serve --c 5 "$unix" --echo
like "an abbreviation of several" "$said" "'--c'" "ambiguous"
wrong "a value too many" "no argument goes with option '--wait=yes'; $help" \
	serve --wait=yes "$unix" -- cat
wrong "a value is missing" "an argument is missing for option '-c'; $help" \
	serve "$unix" -c -- cat
wrong "a long one's value is missing" "an argument is missing for option '--connections'; $help" \
	serve "$unix" --echo --connections
# What POSIX asks for must not take away what the help promises.
POSIXLY_CORRECT=1
export POSIXLY_CORRECT
wrong "an option behind an address, with POSIXLY_CORRECT" \
	"unknown option '--ehco'; did you mean '--echo'? $help" serve "$unix" --ehco
unset POSIXLY_CORRECT

# ---------------------------------------------------------------------------- values

for value in 0 1000001 99999999999999999999 x 0x10 -1 +5 ' 5' '5 ' 5k 1.5 ''; do
	wrong "--connections '$value'" "cannot use the value of --connections, '$value'; it takes \
a number from 1 to 1000000" serve --connections "$value" "$unix" -- cat
done
wrong "a letter's value" \
	"cannot use the value of --per-address, 'two'; it takes a number from 1 to 1000000" \
	serve -Ctwo "$unix" -- cat
wrong "a backlog" "cannot use the value of --backlog, '1000000000'; it takes a number from 0 to \
999999999" serve -b 1000000000 "$unix" -- cat
wrong "too many for threads" "too much for a built-in service is '--connections'; it has a thread \
or process a client, 30000 at most" serve -c 30001 "$unix" --echo
wrong "a variable without =" "cannot set the variable 'NAME'; --env takes NAME=VALUE" \
	serve -e NAME "$unix" -- cat
wrong "a variable without a name" "cannot set the variable '=x'; --env takes NAME=VALUE" \
	serve -e =x "$unix" -- cat
for name in PROTO TCPREMOTEIP TCPLOCALHOST UNIXREMOTEEUID; do
	wrong "the variable $name" "cannot set the variable '$name=x'; it tells about the \
connection, and is set for each" serve -e $name=x "$unix" -- cat
done
many=
for i in $(seq 65); do
	many="$many -e A$i=x"
done
# shellcheck disable=SC2086
wrong "too many variables" "too many times --env, at 'A65=x'; 64 are the most" \
	serve $many "$unix" -- cat
long=$(printf '%01001d' 0)
run serve --banner "$long" "$unix" -- cat
like "a banner that is too long" "$said" "--banner" "'0000" "1000 bytes"
run serve -C 1 --refusal "$long" "$unix" -- cat
like "a refusal that is too long" "$said" "--refusal" "'0000" "1000 bytes"
run serve --local-name "$long" "$unix" -- cat
like "a name that is too long" "$said" "--local-name" "'0000" "255 bytes"
wrong "a byte that is no text" "unknown option '--\\x1b[2J'; $help" \
	serve "$unix" "$(printf -- '--\033[2J')" --echo

# --------------------------------------------------------------------------- company

for option in --env=A=1 --clear-env --banner=x --names --local-name=x --ident --wait; do
	wrong "${option%%=*} without a program" "no use for the option '${option%%=*}'; it is about \
programs, and there is none" serve "$option" "$unix" --echo
done
wrong "--refusal without --per-address" \
	"no use for the option '--refusal'; nobody is refused without --per-address, --per-prefix or \
'--overload refuse'" \
	serve --refusal x "$unix" -- cat
wrong "--quiet and --verbose" "cannot add the option '--verbose'; --quiet is the opposite" \
	serve -q -v "$unix" -- cat

# -------------------------------------------------------------------------- programs

PATH_before=$PATH
PATH=/nowhere:$tap_dir/bin:$PATH
mkdir "$tap_dir/bin"
wrong "not in PATH" "cannot find the program 'no-such-program'; no directory of PATH has it \
($(printf '%.400s' "$PATH")); a path with a slash says where it is" \
	serve "$unix" -- no-such-program
echo '#!/bin/sh' >"$tap_dir/bin/not-executable"
run serve "$unix" -- not-executable
like "in PATH, but not executable" "$said" "not-executable'" "chmod +x" EACCES
PATH=$PATH_before
wrong "a path that is not there" "cannot run the program '$tap_dir/none'; there is no such file, \
or its interpreter is missing (ENOENT)" serve "$unix" -- "$tap_dir/none"
wrong "a path through a file" "cannot run the program '$0/x'; something above it is no \
directory (ENOTDIR)" serve "$unix" -- "$0/x"
wrong "not executable" "cannot run the program '$tap_dir/bin/not-executable'; it may not be \
executed by this user: 'chmod +x', or look at the directories above it and at the mount option \
noexec (EACCES)" serve "$unix" -- "$tap_dir/bin/not-executable"
wrong "a directory" "cannot run the program '$tap_dir'; it is a directory (EISDIR)" \
	serve "$unix" -- "$tap_dir"
run serve "$unix" -- /dev/null
like "a device" "$said" "'/dev/null'" "regular file"
wrong "no name" "cannot run the program ''; it has no name" serve "$unix" -- ''
# script NAME FIRST-LINE
script() {
	printf '%s\necho ohai\n' "$2" >"$tap_dir/$1"
	chmod +x "$tap_dir/$1"
}
script interpreter "#!$tap_dir/none -x"
wrong "a missing interpreter" "cannot run the program '$tap_dir/interpreter'; its first line names \
the interpreter $tap_dir/none, which cannot be run" serve "$unix" -- "$tap_dir/interpreter"
script directory '#! /etc'
wrong "an interpreter that is a directory" "cannot run the program '$tap_dir/directory'; its \
first line names the interpreter /etc, which cannot be run" serve "$unix" -- "$tap_dir/directory"
# The line end of another system is part of the name, for the kernel.
script dos "$(printf '#!/bin/sh\r')"
run serve "$unix" -- "$tap_dir/dos"
like "an interpreter with a carriage return" "$said" "'$tap_dir/dos'" '/bin/sh\x0d'
printf 'echo hello\n' >"$tap_dir/text"
chmod +x "$tap_dir/text"
wrong "a script without its first line" "cannot run the program '$tap_dir/text'; it is neither a binary \
of this machine nor a script that begins with #! (ENOEXEC)" serve "$unix" -- "$tap_dir/text"
script good '#!/bin/sh'
ln -s loop "$tap_dir/loop"
wrong "a circle of links" "cannot run the program '$tap_dir/loop'; symbolic links lead round in a \
circle (ELOOP)" serve "$unix" -- "$tap_dir/loop"

# ----------------------------------------------------------------------------- users

wrong "an unknown user" "unknown user 'no-such-user'; 'getent' lists who there is; a number needs \
no name" serve -u no-such-user "$unix" -- cat
wrong "an unknown group" "unknown group 'no-such-group'; 'getent' lists who there is; a number \
needs no name" serve -g no-such-group "$unix" -- cat

# ------------------------------------------------------------------------- one port

serve 127.0.0.1:0 -- "$tap_dir/good"
ask() {
	timeout 20 nc.openbsd -N 127.0.0.1 "$port" </dev/null
}
run serve "$unix" "127.0.0.1:$port" -- cat
is "two servers on one port: exit code" "$code" 111
has "two servers on one port" "$said" "hark: cannot bind '127.0.0.1:$port': address already in \
use (EADDRINUSE)"
is "one line" "$(printf '%s\n' "$said" | wc -l | tr -d ' ')" 1
is "the socket of the second is gone" "$(ls "$tap_dir/sock" 2>/dev/null)" ""
is "the first is unharmed" "$(ask)" ohai
finish TERM
is "and ends in order" "$status" 0

# ------------------------------------------------------------------- with or without

# started ARGUMENT...: the server that these words make; $port
started() {
	: >"$tap_dir/port"
	log=$tap_dir/log.started
	"$HARK" "$@" >"$tap_dir/port" 2>"$log" &
	server=$!
	tap_pids="$tap_pids $server"
	within 10 grep -q '^[0-9]' "$tap_dir/port"
	port=$(cat "$tap_dir/port")
}
started serve -1 127.0.0.1:0 -- echo a -v --echo -- --help b
is "behind -- all belongs to the program" "$(ask)" "a -v --echo -- --help b"
finish TERM
started 127.0.0.1:0 -1 -- echo ohai
is "hark ADDRESS OPTION -- PROGRAM" "$(ask)" ohai
finish TERM
started -v -1 127.0.0.1:0 -- echo ohai
is "hark OPTION ADDRESS -- PROGRAM" "$(ask)" ohai
finish TERM
has "with what the option does" "$(cat "$log")" "hark: begin "
started -1 --echo 127.0.0.1:0
is "hark --echo ADDRESS" "$(echo ohai | timeout 20 nc.openbsd -N 127.0.0.1 "$port")" ohai
finish TERM
started 127.0.0.1:0 --echo -1
is "hark ADDRESS --echo" "$(echo ohai | timeout 20 nc.openbsd -N 127.0.0.1 "$port")" ohai
finish TERM
is "each is a server: exit 0" "$status" 0

"$HARK" serve --help -- cat >"$tap_dir/help" 2>&1
is "--help: exit 0" $? 0
is "--help is on standard output" "$(head -n 1 "$tap_dir/help")" \
	"usage: hark serve [OPTION...] ADDRESS... -- PROGRAM [ARGUMENT...]"
is "--help has lines that fit" "$(awk 'length($0) > 80' "$tap_dir/help")" ""
"$HARK" serve --help >/dev/full 2>/dev/null
is "--help on a full disk: exit code" $? 111

done_testing
