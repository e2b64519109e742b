#!/bin/sh
# Errors as a person sees them: one line that quotes what was given, names the cause and
# says what to do; exit 100 (do not retry) or 111 (may work later); nothing left behind.
# A2 B1 B2 B3 E2 E4 W1
# shellcheck source=tests/sh/tap.sh disable=SC2154
. "$(dirname "$0")/tap.sh"

# refused SENTENCE EXIT ADDRESS PART...
refused() {
	sentence=$1 wanted=$2 address=$3
	shift 3
	said=$("$HARK" serve --echo "$address" 2>&1 </dev/null)
	code=$?
	has "$sentence" "$said" "$@"
	is "$sentence: exit code" "$code" "$wanted"
	is "$sentence: one line" "$(printf '%s\n' "$said" | wc -l | tr -d ' ')" 1
}

serve --echo 127.0.0.1:0
refused "port busy" 111 "127.0.0.1:$port" \
	"cannot bind '127.0.0.1:$port'" "address already in use (EADDRINUSE)" "sport = :$port"
finish TERM

said=$("$HARK" serve --echo "127.0.0.1:$port" "$port" 2>&1)
is "an address that overlaps another: exit code" $? 100
has "an address that overlaps another" "$said" "cannot bind '0.0.0.0:$port'" \
	"it overlaps '127.0.0.1:$port'" "leave one of the two out"

floor=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)
if [ "$(id -u)" = 0 ] && [ "$floor" -gt 80 ] && present setpriv; then
	# Where nobody finds them: the build may be in somebody's home.
	chmod 755 "$tap_dir"
	cp "$HARK" "$(dirname "$HARK")"/libhark.so.? "$tap_dir" 2>/dev/null
	said=$(LD_LIBRARY_PATH=$tap_dir setpriv --reuid=65534 --clear-groups \
		--bounding-set=-all "$tap_dir/hark" serve --echo 127.0.0.1:80 2>&1)
	is "port 80 as nobody: exit code" $? 100
	has "port 80 as nobody" "$said" "cannot bind '127.0.0.1:80'" \
		"permission denied (EACCES)" "ports below $floor" CAP_NET_BIND_SERVICE \
		net.ipv4.ip_unprivileged_port_start
else
	skip "port 80 as nobody" "needs root, setpriv and a floor above 80"
fi

refused "an address of another host" 111 1.2.3.4:4481 \
	"cannot bind '1.2.3.4:4481'" "not an address of this host (EADDRNOTAVAIL)" "ip address"
refused "port 70000" 100 70000 "'70000'" "out of range (ERANGE)" "0 to 65535"
refused "+80" 100 +80 "'+80'" "not a decimal number"
refused "octal" 100 010.0.0.1:80 "'010.0.0.1:80'" "leading zeros"
refused "a sign" 100 localhost:-1 "'localhost:-1'"
refused "hex" 100 0x50 "'0x50'"
refused "no port" 100 127.0.0.1 "'127.0.0.1'" "no port"
refused "brackets" 100 ::1:80 "'::1:80'" "brackets"
refused "multicast" 100 224.0.0.1:4481 "'224.0.0.1:4481'" multicast
refused "broadcast" 100 255.255.255.255:4481 "'255.255.255.255:4481'" broadcast
refused "an unknown host" 100 no-such-host.invalid:80 "'no-such-host.invalid:80'" \
	"cannot resolve" "/etc/hosts"
refused "a Unix address without a path" 100 unix: "'unix:'" unix:/run
refused "activation without a name" 100 activation: "'activation:'" activation:web
refused "a newline" 100 "local
host:80" '\x0a'
refused "an escape sequence" 100 "$(printf '\033[2Jhost:80')" '\x1b[2J'
refused "a directory that is not there" 100 "unix:$tap_dir/no/sock" \
	"'unix:$tap_dir/no/sock'" "does not exist"
refused "a descriptor that is not open" 100 fd:77 "'fd:77'" EBADF
refused "no activation" 100 activation LISTEN_PID

serve --echo "unix:$tap_dir/live"
refused "a live server's path" 111 "unix:$tap_dir/live" \
	"'unix:$tap_dir/live'" "a server holds that path"
is "and it still answers" "$(echo ohai | nc.openbsd -N -U "$tap_dir/live")" ohai
kill -KILL "$server"
wait "$server" 2>/dev/null
is "a killed server leaves its file" "$(ls "$tap_dir/live")" "$tap_dir/live"
serve --echo "unix:$tap_dir/live"
is "a stale path is taken over" "$(echo ohai | nc.openbsd -N -U "$tap_dir/live")" ohai
finish TERM

echo precious >"$tap_dir/file"
refused "a regular file" 100 "unix:$tap_dir/file" "'unix:$tap_dir/file'" \
	"other than a socket"
is "which is untouched" "$(cat "$tap_dir/file")" precious

said=$(sh -c 'ulimit -n 4; exec "$0" "$@"' "$HARK" serve --echo 127.0.0.1:0 127.0.0.1:0 2>&1)
is "too many files: exit code" $? 111
has "too many files" "$said" "EMFILE" "4"

said=$(LISTEN_PID=abc LISTEN_FDS=1 "$HARK" serve --echo activation 2>&1)
is "a bad environment variable: exit code" $? 100
has "a bad environment variable" "$said" LISTEN_PID "'abc'"

said=$(LISTEN_PID=1 LISTEN_FDS=1 "$HARK" serve --echo activation 2>&1)
is "sockets for another process: exit code" $? 100
has "sockets for another process" "$said" LISTEN_PID "'1', another process"

said=$(sh -c 'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=x exec "$@"' \
	sh "$HARK" serve --echo activation:q 2>&1)
is "a name that was not passed: exit code" $? 100
has "a name that was not passed" "$said" LISTEN_FDNAMES "'q'"

said=$("$HARK" serve --echo "unix:$tap_dir/first" 1.2.3.4:80 2>&1)
is "the second of two fails: exit code" $? 111
is "and leaves no file of the first" "$(ls "$tap_dir/first" 2>/dev/null)" ""

usage() {
	sentence=$1 part=$2
	shift 2
	said=$("$HARK" "$@" 2>&1)
	is "$sentence: exit code" $? 100
	has "$sentence" "$said" "$part" --help
}
usage "no command" "no command"
usage "an unknown command" "'frob'" frob
usage "an unknown option" "'--frob'" serve --frob
usage "an unknown letter" "'-Z'" serve -Z
usage "an option without its argument" "'--backlog'" serve --backlog
usage "nothing to serve" "--echo" serve 127.0.0.1:0
said=$("$HARK" serve --echo --backlog -5 127.0.0.1:0 2>&1)
is "a negative backlog: exit code" $? 100
has "a negative backlog" "$said" "'-5'" "0 to 999999999"
"$HARK" --help | grep -q 'hark serve'
is "--help is on standard output" $? 0
"$HARK" --help >/dev/full 2>/dev/null
is "and a full disk is noticed" $? 111

done_testing
