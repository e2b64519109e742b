#!/bin/sh
# What a program finds: its environment, descriptors, signals and arguments are those of
# this conversation, and nothing of the server's.  K1 K2 X1
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

# ask NC-ARGUMENT...: what the program says to a client that says nothing
ask() {
	timeout 20 nc.openbsd -N "$@" </dev/null
}

# value VARIABLE: of $environment
newline='
'
value() {
	case $newline$environment in
	*"$newline$1="*)
		rest=$newline$environment$newline
		rest=${rest#*"$newline$1="}
		printf '%s' "${rest%%"$newline"*}"
		;;
	*) printf '(unset)' ;;
	esac
}

# stay NC-ARGUMENT...: a client that stays.  $client is its pid, $environment what the
# program said.
stay() {
	: >"$tap_dir/out"
	nc.openbsd -d "$@" >"$tap_dir/out" &
	client=$!
	tap_pids="$tap_pids $client"
	within 10 grep -q '^all$' "$tap_dir/out"
	environment=$(cat "$tap_dir/out")
}

# A program that tells its environment and stays as long as its client.
tell='echo PID=$$; env; echo all; exec cat'

# ------------------------------------------------------------------- a TCP connection

serve 127.0.0.1:0 -- sh -c "$tell"
stay 127.0.0.1 "$port"
first=$client
is "PROTO is TCP" "$(value PROTO)" TCP
is "TCPLOCALIP is the server's address" "$(value TCPLOCALIP)" 127.0.0.1
is "TCPLOCALPORT is the server's port" "$(value TCPLOCALPORT)" "$port"
is "TCPREMOTEIP and TCPREMOTEPORT are the client's" \
	"$(value TCPREMOTEIP):$(value TCPREMOTEPORT)" \
	"$(ss -tnH "dport = :$port" | awk '{ print $4 }')"
is "TCPCONNNUM counts this one" "$(value TCPCONNNUM)" 1
for name in TCPREMOTEHOST TCPREMOTEINFO TCPLOCALHOST; do
	is "$name is not there unless asked for" "$(value $name)" "(unset)"
done
stay 127.0.0.1 "$port"
second=$client
is "TCPCONNNUM is 2 for the second of an address" "$(value TCPCONNNUM)" 2
stay -s 127.0.0.2 127.0.0.1 "$port"
is "and 1 for the first of another" "$(value TCPREMOTEIP) $(value TCPCONNNUM)" "127.0.0.2 1"
leave "$first" "$second" "$client"
finish TERM

serve '*:0' -- env
environment=$(ask 127.0.0.1 "$port")
is "with *, TCPLOCALIP is where the client went" "$(value TCPLOCALIP)" 127.0.0.1
environment=$(ask 127.0.0.2 "$port")
is "and for another client another" "$(value TCPLOCALIP)" 127.0.0.2
is "and the port is what the kernel chose" "$(value TCPLOCALPORT)" "$port"
finish TERM
serve 0.0.0.0:0 -- env
environment=$(ask 127.0.0.3 "$port")
is "with 0.0.0.0 likewise" "$(value TCPLOCALIP)" 127.0.0.3
finish TERM

if grep -q '^0*1 ' /proc/net/if_inet6 2>/dev/null; then
	serve '[::1]:0' -- sh -c "$tell"
	stay ::1 "$port"
	is "IPv6: PROTO is TCP" "$(value PROTO)" TCP
	is "IPv6: TCPLOCALIP is without brackets" "$(value TCPLOCALIP)" ::1
	is "IPv6: the client's address and port" \
		"[$(value TCPREMOTEIP)]:$(value TCPREMOTEPORT)" \
		"$(ss -tnH "dport = :$port" | awk '{ print $4 }')"
	first=$client
	stay ::1 "$port"
	is "IPv6: TCPCONNNUM counts too" "$(value TCPCONNNUM)" 2
	leave "$first" "$client"
	finish TERM

	serve '[::]:0' -- env
	environment=$(ask ::1 "$port")
	is "IPv6: with [::], TCPLOCALIP is where the client went" "$(value TCPLOCALIP)" ::1
	finish TERM
else
	skip "IPv6 variables" "this host has no IPv6"
fi

# ------------------------------------------------- an IPv4 client of a dual-stack socket

if present ruby && [ -e /proc/net/if_inet6 ]; then
	: >"$tap_dir/port"
	ruby -rsocket -e '
		s = Socket.new(:INET6, :STREAM)
		s.setsockopt(:IPV6, :V6ONLY, 0)
		s.bind(Addrinfo.tcp("::", 0))
		s.listen(5)
		exec(*ARGV, "serve", "-1", "fd:#{s.fileno}", "--", "env", s => s)' \
		"$HARK" >"$tap_dir/port" 2>"$tap_dir/log" &
	server=$!
	tap_pids="$tap_pids $server"
	within 10 test -s "$tap_dir/port"
	port=$(cat "$tap_dir/port")
	environment=$(ask 127.0.0.1 "$port")
	is "dual-stack: TCPREMOTEIP of an IPv4 client is IPv4" "$(value TCPREMOTEIP)" 127.0.0.1
	is "dual-stack: TCPLOCALIP too" "$(value TCPLOCALIP)" 127.0.0.1
	is "dual-stack: PROTO" "$(value PROTO)" TCP
	environment=$(ask ::1 "$port")
	is "dual-stack: an IPv6 client is IPv6" "$(value TCPREMOTEIP)" ::1
	finish TERM
	is "dual-stack: exit 0" "$status" 0
else
	skip "an IPv4 client of a dual-stack listener" "needs ruby and IPv6"
fi

# ----------------------------------------------------- what is known of somebody else

names='PROTO TCPREMOTEHOST TCPREMOTEINFO TCPLOCALHOST TCPREMOTEIP TCPREMOTEPORT TCPLOCALIP
TCPLOCALPORT TCPCONNNUM TCPCONCURRENCY TCPINTERFACE TCP6REMOTEIP TCP6REMOTEHOST
TCP6LOCALIP TCP6INTERFACE UNIXLOCALPATH UNIXREMOTEPATH UNIXREMOTEEUID UNIXREMOTEPID
UNIXLOCALUID LISTEN_FDS LISTEN_PID LISTEN_FDNAMES NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID'
for name in $names; do
	export "$name=42424"
done
export KEPT="two words" TCPX=kept PROTOCOL=kept
serve 127.0.0.1:0 -- env
environment=$(ask 127.0.0.1 "$port")
is "variables of a server above us are removed" \
	"$(printf '%s\n' "$environment" | grep '=42424$')" ""
is "and only those" "$(value KEPT) $(value TCPX) $(value PROTOCOL)" "two words kept kept"
finish TERM
serve "unix:$tap_dir/sock" -- env
environment=$(ask -U "$tap_dir/sock")
is "for a Unix socket too" "$(printf '%s\n' "$environment" | grep '=42424$')" ""
is "which has none of TCP" "$(printf '%s\n' "$environment" | grep ^TCP)" "TCPX=kept"
finish TERM
for name in $names; do
	unset "$name"
done
unset TCPX PROTOCOL

# -------------------------------------------------------------------- what we may set

serve -e A=1 --env "B=two  words" -e EMPTY= -e A=2=3 -e KEPT=other \
	-l www.example.org 127.0.0.1:0 -- env
environment=$(ask 127.0.0.1 "$port")
is "--env sets, the last of a name counts" "$(value A)" "2=3"
is "--env keeps spaces" "$(value B)" "two  words"
is "--env sets an empty one" "$(value EMPTY)" ""
is "--env replaces what was there" "$(value KEPT)" other
is "--local-name is TCPLOCALHOST" "$(value TCPLOCALHOST)" www.example.org
finish TERM

serve --clear-env -e A=1 127.0.0.1:0 -- env
environment=$(ask 127.0.0.1 "$port")
is "--clear-env leaves PATH and what is ours" \
	"$(printf '%s\n' "$environment" | sed 's/=.*//' | sort | tr '\n' ' ')" \
	"A PATH PROTO TCPCONNNUM TCPLOCALIP TCPLOCALPORT TCPREMOTEIP TCPREMOTEPORT "
is "and PATH is as it was" "$(value PATH)" "$PATH"
finish TERM

# ----------------------------------------------------------------------- Unix sockets

serve "unix:$tap_dir/sock" -- sh -c "$tell"
stay -U "$tap_dir/sock"
is "Unix: PROTO" "$(value PROTO)" UNIX
is "Unix: UNIXLOCALPATH" "$(value UNIXLOCALPATH)" "$tap_dir/sock"
is "Unix: UNIXLOCALUID and UNIXLOCALGID are the program's" \
	"$(value UNIXLOCALUID):$(value UNIXLOCALGID)" "$(id -u):$(id -g)"
is "Unix: UNIXLOCALPID is the program's own" "$(value UNIXLOCALPID)" "$(value PID)"
is "Unix: UNIXREMOTEEUID and UNIXREMOTEEGID are the client's" \
	"$(value UNIXREMOTEEUID):$(value UNIXREMOTEEGID)" "$(id -u):$(id -g)"
is "Unix: UNIXREMOTEPID is the client's" "$(value UNIXREMOTEPID)" "$client"
is "Unix: UNIXREMOTEPATH is not there for a client without a name" \
	"$(value UNIXREMOTEPATH)" "(unset)"
first=$(value UNIXLOCALPID) gone=$client
stay -U "$tap_dir/sock"
is "Unix: UNIXLOCALPID of the second is its own" "$(value UNIXLOCALPID)" "$(value PID)"
[ "$first" != "$(value PID)" ]
is "Unix: which is another" $? 0
leave "$client" "$gone"
if present socat; then
	environment=$(timeout 20 socat "UNIX-CONNECT:$tap_dir/sock,bind=$tap_dir/mine" - </dev/null)
	is "Unix: UNIXREMOTEPATH of a client with a name" "$(value UNIXREMOTEPATH)" "$tap_dir/mine"
else
	skip "Unix: UNIXREMOTEPATH of a client with a name" "socat is not installed"
fi
finish TERM

if present socat; then
	serve "unix:@${tap_dir##*/}" -- env
	environment=$(timeout 20 socat - "ABSTRACT-CONNECT:${tap_dir##*/}" </dev/null)
	is "Unix: an abstract name" "$(value UNIXLOCALPATH)" "@${tap_dir##*/}"
	finish TERM
else
	skip "Unix: an abstract name" "socat is not installed"
fi

# ------------------------------------------------------------------------ descriptors

exec 7</dev/null 8>"$tap_dir/eight" 9<"$0"
serve 127.0.0.1:0 127.0.0.1:0 -- sh -c '
	i=0
	while [ $i -lt 300 ]; do
		if [ -h /proc/$$/fd/$i ]; then
			echo $i
		fi
		i=$((i + 1))
	done'
exec 7<&- 8>&- 9<&-
is "a program has the descriptors 0, 1, 2" "$(ask 127.0.0.1 "$port" | tr '\n' ' ')" "0 1 2 "
finish TERM

serve 127.0.0.1:0 -- sh -c 'readlink /proc/$$/fd/0 /proc/$$/fd/1
	sed -n "s/^flags:[[:space:]]*//p" /proc/$$/fdinfo/0'
said=$(ask 127.0.0.1 "$port")
is "0 and 1 are one socket" "$(printf '%s\n' "$said" | head -n 2 | sed 's/:.*//' | uniq -c | tr -d ' ')" \
	"2socket"
is "which is the same" "$(printf '%s\n' "$said" | head -n 2 | uniq | wc -l | tr -d ' ')" 1
is "and may block" "$(printf '%s\n' "$said" | tail -n 1)" 02
finish TERM

serve 127.0.0.1:0 -- sh -c 'echo aside >&2; echo answer'
is "standard error is not the client's" "$(ask 127.0.0.1 "$port")" answer
is "but the server's" "$(grep -c '^aside$' "$log")" 1
finish TERM

# hark's own standard descriptors may be closed.
port_of() {
	within 10 grep -q listening "$log"
	port=$(sed -n 's/.*:\([0-9]*\), .*/\1/p' "$log")
}
log=$tap_dir/log.closed
"$HARK" serve 127.0.0.1:0 -- cat <&- >&- 2>"$log" &
server=$!
tap_pids="$tap_pids $server"
port_of
is "a server whose 0 and 1 were closed" "$(echo ohai | timeout 20 nc.openbsd -N 127.0.0.1 "$port")" \
	ohai
finish TERM

# The port by -1, since there is no log: the first file that a program opens must not
# become its standard error.
mkfifo "$tap_dir/port.fifo"
"$HARK" serve -q -1 127.0.0.1:0 -- sh -c 'readlink /proc/$$/fd/2' 2>&- >"$tap_dir/port.fifo" &
server=$!
tap_pids="$tap_pids $server"
read -r port <"$tap_dir/port.fifo"
is "a program has a 2 where the server's was closed" "$(ask 127.0.0.1 "$port")" /dev/null
finish TERM

# Without /dev/null something else must keep the numbers 0, 1 and 2, or the sockets get
# them; and what a failed start has to say must not go to the client.
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	cp "$(command -v env)" "$tap_dir/short-lived"
	unshare -m sh -c 'mount -t tmpfs none /dev && exec "$0" "$@"' \
		"$HARK" serve -q -1 127.0.0.1:0 -- "$tap_dir/short-lived" \
		<&- 2>&- >"$tap_dir/port.fifo" &
	server=$!
	tap_pids="$tap_pids $server"
	read -r port <"$tap_dir/port.fifo"
	is "a server without /dev/null serves" \
		"$(ask 127.0.0.1 "$port" | grep -c '^PROTO=TCP')" 1
	rm "$tap_dir/short-lived"
	is "and what it has to say does not go to the client" "$(ask 127.0.0.1 "$port")" ""
	finish TERM
else
	skip "a server without /dev/null serves" "needs root, and a mount namespace"
fi

# ---------------------------------------------------------------------------- signals

# bits LINE HEX-MASK: of a line of the status, those in the mask
bits() {
	echo $((0x$(printf '%s\n' "$said" | sed -n "s/^$1:[[:space:]]*//p") & $2))
}
program_is_gone() {
	[ -z "$(ps -o pid= --ppid "$server")" ]
}
inherited() {
	said=$(ask 127.0.0.1 "$port")
	is "$1: no signal is blocked" "$(bits SigBlk 0x7fffffffffffffff)" 0
	# INT, PIPE, TERM, CHLD
	is "$1: none that matters is ignored" "$(bits SigIgn 0x15002)" 0
}
trap '' PIPE CHLD
serve 127.0.0.1:0 -- cat /proc/self/status
trap - PIPE CHLD
inherited "SIGPIPE and SIGCHLD were ignored"
within 10 program_is_gone
is "and its programs are reaped" "$(ps -o stat= --ppid "$server")" ""
finish TERM
if env --block-signal=USR1 true 2>/dev/null; then
	real=$HARK
	cat >"$tap_dir/blocked" <<-END
		#!/bin/sh
		exec env --block-signal=USR1,PIPE,CHLD "$real" "\$@"
	END
	chmod +x "$tap_dir/blocked"
	HARK=$tap_dir/blocked
	serve 127.0.0.1:0 -- cat /proc/self/status
	inherited "signals were blocked"
	HARK=$real
	finish TERM
else
	skip "blocked signals are unblocked" "this env has no --block-signal"
fi

serve 127.0.0.1:0 -- yes
timeout 20 nc.openbsd -d 127.0.0.1 "$port" | head -n 1 >/dev/null
within 10 program_is_gone
is "a program whose client is gone dies of SIGPIPE" "$(ps -o args= --ppid "$server")" ""
finish TERM

serve 127.0.0.1:0 -- sh -c 'read -r pid name state parent group rest </proc/self/stat
	echo $((pid == group)) $parent'
is "a process group of its own, and the server's child" "$(ask 127.0.0.1 "$port")" "1 $server"
finish TERM

# -------------------------------------------------------------------------- arguments

cat >"$tap_dir/my program" <<'END'
#!/bin/sh
for word; do
	printf '<%s>' "$word"
done
END
chmod +x "$tap_dir/my program"
serve 127.0.0.1:0 -- "$tap_dir/my program" 'a  b' '' '*' '$HOME' -- -v --help "x${newline}y" \
	'"' "\\"
is "name and arguments pass as they are" "$(ask 127.0.0.1 "$port")" \
	"<a  b><><*><\$HOME><--><-v><--help><x${newline}y><\"><\\>"
finish TERM
serve 127.0.0.1:0 -- sh -c 'echo $0; pwd'
is "argv[0] and the working directory too" "$(ask 127.0.0.1 "$port")" "sh$newline$(pwd)"
finish TERM
(
	cd "$tap_dir" || exit 1
	serve 127.0.0.1:0 -- "./my program" here
	ask 127.0.0.1 "$port" >said
	finish TERM
)
is "a path may be relative" "$(cat "$tap_dir/said")" "<here>"

# ------------------------------------------------------------------------------- data

# The program hears the end of its client, and answers when we say so.
mkfifo "$tap_dir/go"
serve 127.0.0.1:0 -- sh -c 'cat >"$0/heard"; echo >"$0/ended"; read -r line <"$0/go"; echo $line' \
	"$tap_dir"
echo question | timeout 20 nc.openbsd -N 127.0.0.1 "$port" >"$tap_dir/late" &
client=$!
within 10 test -s "$tap_dir/ended"
is "the client's half-close is the program's end of input" "$(cat "$tap_dir/heard")" question
echo answer >"$tap_dir/go"
wait "$client"
is "a late answer after it arrives" "$(cat "$tap_dir/late")" answer
finish TERM

head -c 200000 /dev/urandom >"$tap_dir/in"
head -c 300000 /dev/urandom >"$tap_dir/answer"
serve 127.0.0.1:0 -- sh -c 'cat >"$0/in.got"; cat "$0/answer"' "$tap_dir"
timeout 20 nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/in" >"$tap_dir/answer.got"
cmp -s "$tap_dir/in" "$tap_dir/in.got"
is "200 kB in, byte for byte" $? 0
cmp -s "$tap_dir/answer" "$tap_dir/answer.got"
is "300 kB out, byte for byte" $? 0
finish TERM
serve 127.0.0.1:0 -- cat
timeout 20 nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/answer" >"$tap_dir/echoed"
cmp -s "$tap_dir/answer" "$tap_dir/echoed"
is "300 kB both ways at once" $? 0
finish TERM
is "exit 0 after all that" "$status" 0

done_testing
