#!/bin/sh
# hark status, restart and stop: a running server is asked at its control socket, by who may.
# D1 D2 K1
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

ask() {
	echo ohai | timeout 20 nc.openbsd -N "$@"
}

chmod 755 "$tap_dir"
real=$HARK
HARK=$tap_dir/hark
ln -s "$real" "$HARK"
control=$tap_dir/control

# told WORD [OPTION...]: $said and $code
told() {
	said=$(timeout 60 "$HARK" "$@" --control "$control" 2>&1)
	code=$?
}

# value NAME: what the status says of it
value() {
	echo "$said" | sed -n "s/^$1  *//p"
}

for served in "--echo" "--echo --model serial" "--echo --model fork" "--echo --model pool" \
	"--workers 2 --echo" "-- cat" "--workers 2 -- cat"; do
	# shellcheck disable=SC2086
	serve 127.0.0.1:0 --control "$control" $served
	is "$served: its owner alone may ask" "$(stat -c %a "$control")" 600
	is "$served: an echo" "$(ask 127.0.0.1 "$port")" ohai
	counted() {
		told status
		[ "$code $(value connected) $(value lingering)" = "0 0 0" ] &&
			[ "$(value accepted) $(value ended.returned)" = "1 1" ]
	}
	within 10 counted
	is "$served: one was served" "$(value accepted) $(value ended.returned)" "1 1"
	is "$served: which process" "$(value process)" "$server"
	is "$served: serving" "$(value state)" serving
	is "$served: where" "$(value listener.address)" "127.0.0.1:$port"
	case $served in *workers*) workers=2 ;; *) workers=0 ;; esac
	is "$served: so many workers" "$(value workers)" "$workers"
	first=$server
	told restart
	is "$served: a restart" "$code" 0
	server=$(echo "$said" | sed -n 's/^process \([0-9]*\) has taken over$/\1/p')
	tap_pids="$tap_pids ${server:=0}"
	within 20 gone "$first"
	is "$served: ends the old one" $? 0
	is "$served: another serves" "$(ask 127.0.0.1 "$port")" ohai
	within 10 counted
	is "$served: and answers" "$(value process)" "$server"
	told stop
	is "$served: a stop" "$code" 0
	case $said in # as good as the machine has it
	*"closed ("*", 0 lost; 0 go on"*) pass "$served: tells how it ended" ;;
	*)
		fail "$served: tells how it ended"
		note "$said"
		;;
	esac
	within 5 gone "$server" # its descriptors were closed, and then it ends
	is "$served: when it ends" $? 0
	is "$served: and the path is gone" "$(ls "$control" 2>/dev/null)" ""
done

# One JSON object on one line, whatever an address looks like.
serve 127.0.0.1:0 "unix:$tap_dir/a\"b\\c" --control "$control" --echo
told status --json
is "one line" "$(echo "$said" | wc -l)" 1
has "with the same words" "$said" '"state":"serving"' '"refused":{"full":0,' '"process":'"$server,"
if present python3; then
	is "which is JSON" "$(printf '%s\n' "$said" | python3 -c '
import json, sys
status = json.load(sys.stdin)
print(status["workers"], len(status["listeners"]), status["listeners"][0]["queue"])')" "0 2 0"
else
	skip "which is JSON" "no python3 here"
fi

# An upgrade that fails.
mv "$HARK" "$tap_dir/aside"
said=$("$real" restart --control "$control" 2>&1)
is "a restart that fails" $? 111
has "and why" "$said" "hark: cannot hand over to '$HARK': " "ENOENT"
printf '#!/bin/sh\nexit 7\n' >"$HARK"
chmod 755 "$HARK"
said=$("$real" restart --control "$control" 2>&1)
is "another" $? 111
has "and how it ended" "$said" "it ended before it was ready" "exit code 7"
mv "$tap_dir/aside" "$HARK"

# Who says nothing keeps nobody out, and nonsense is answered.
silent_ones() {
	silent=
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		stays "silent$i" -U "$control"
		silent="$silent $stayed"
	done
}
silent_ones
told status
is "silent ones keep nobody out" "$code $(value state)" "0 serving"
# shellcheck disable=SC2086
leave $silent 2>/dev/null
is "what it does not know" "$(echo frob | nc.openbsd -N -U "$control")" \
	"failed: this server knows no such word"
is "what is too long" "$(printf '%0100d' 0 | nc.openbsd -N -U "$control" 2>/dev/null)" \
	""
is "what has no end" "$(printf status | nc.openbsd -N -U "$control")" ""
told status
is "it serves on" "$code $(value state)" "0 serving"

# What goes on is waited for, and a second stop ends it.
mkfifo "$tap_dir/talk"
finish TERM
serve 127.0.0.1:0 --control "$control" --echo --drain 60
nc.openbsd 127.0.0.1 "$port" <"$tap_dir/talk" >/dev/null &
talker=$!
exec 8>"$tap_dir/talk"
(while echo more; do sleep 0.02; done) >&8 2>/dev/null &
tap_pids="$tap_pids $talker $!"
connected() {
	told status
	[ "$(value connected)" = 1 ]
}
within 10 connected
"$HARK" stop --control "$control" >"$tap_dir/first" 2>&1 &
first=$!
waits() {
	grep -q 'closed (.*; 1 go on' "$tap_dir/first"
}
within 20 waits
is "a stop waits for who goes on" $? 0
silent_ones
told status
is "and can be watched, however many say nothing" "$(value state)" draining
# shellcheck disable=SC2086
leave $silent 2>/dev/null
told stop
is "a second one" "$code" 0
wait "$first"
is "ends both" $? 0
has "and tells of the cut" "$(cat "$tap_dir/first")" "1 did not end in time"
exec 8>&-

# Nobody is there; or not for us.
told status
is "nobody answers" "$code" 111
has "and that is said" "$said" "cannot ask at '$control'" "no server answers there" ENOENT
"$HARK" serve 127.0.0.1:0 --echo --control "$tap_dir/no/such" 2>"$tap_dir/err"
is "no such directory" $? 100
has "and told so" "$(cat "$tap_dir/err")" "$tap_dir/no/such" ENOENT
serve 127.0.0.1:0 --control "$control" --echo
"$HARK" serve 127.0.0.1:0 --control "$control" --echo 2>"$tap_dir/err"
is "a path that is in use" $? 111
has "is not taken away" "$(cat "$tap_dir/err")" EADDRINUSE
if [ "$(id -u)" = 0 ] && present setpriv && setpriv --reuid=65534 --clear-groups true; then
	cp "$real" "$(dirname "$real")"/libhark.so.? "$tap_dir" 2>/dev/null
	rm -f "$HARK"
	cp "$real" "$HARK"
	said=$(LD_LIBRARY_PATH=$tap_dir setpriv --reuid=65534 --clear-groups \
		"$HARK" stop --control "$control" 2>&1)
	is "somebody else may not" $? 100
	has "and is told so" "$said" "its permissions say who may" EACCES
else
	skip "somebody else may not" "needs root and setpriv"
fi
finish TERM
said=$("$HARK" stop 2>&1)
is "no path" $? 100
has "and told what is missing" "$said" "'--control PATH' names its control socket"
said=$("$HARK" status "$control" 2>&1)
is "a word too much" $? 100

done_testing
