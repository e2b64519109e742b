#!/bin/sh
# Hot restart: a successor takes over, whatever is served and however; or does not, and then
# nothing has changed.  Not here: a storm of clients meanwhile (storms.sh).  D1 X5 D2
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

ask() {
	echo ohai | timeout 20 nc.openbsd -N "$@"
}

# What is executed by this path can be replaced.
chmod 755 "$tap_dir"
real=$HARK
HARK=$tap_dir/hark
ln -s "$real" "$HARK"

# replace [SCRIPT]: from now on the successor is that, or the command again
replace() {
	if [ $# = 1 ]; then
		printf '#!/bin/sh\n%s\n' "$1" >"$tap_dir/new"
		chmod 755 "$tap_dir/new"
	else
		ln -sf "$real" "$tap_dir/new"
	fi
	mv -f "$tap_dir/new" "$HARK"
}

# The generation that serves; $server is the first.
youngest() {
	sed -n 's/^hark: process \([0-9]*\) has taken over$/\1/p' "$log" | tail -n 1
}

# upgrade: $server takes over from what it was; 0 if it does
upgrade() {
	upgrades=$(grep -c 'has taken over' "$log")
	kill -USR2 "$server"
	within 20 logged '^hark: process [0-9]* has taken over$' $((upgrades + 1)) || return 1
	old=$server
	server=$(youngest)
	tap_pids="$tap_pids $server"
}

# end_all: the youngest is told to stop, and has ended
end_all() {
	kill "$server"
	within 20 gone "$server"
}

descriptors() {
	find "/proc/$server/fd" -type l | wc -l
}

# --------------------------------------------------------------------------- it takes over

for served in "--echo" "--echo --model serial" "--echo --model fork" "--echo --model pool" \
	"--echo --workers 2" "--echo --model fork --workers 2" "-- cat" "--workers 2 -- cat"; do
	# shellcheck disable=SC2086
	serve 127.0.0.1:0 "unix:$tap_dir/sock" '[::1]:0' $served
	port6=$(sed -n 's/^hark: listening on \[::1\]:\([0-9]*\),.*/\1/p' "$log")
	first=$server
	file=$(stat -c %i "$tap_dir/sock")
	for nth in 1 2 3; do
		upgrade
		is "$served: successor $nth takes over" $? 0
		is "$served: on its TCP port" "$(ask 127.0.0.1 "$port")" ohai
		is "$served: on IPv6" "$(ask ::1 "$port6")" ohai
		is "$served: and its Unix path" "$(ask -U "$tap_dir/sock")" ohai
		within 20 gone "$old"
		is "$served: its predecessor ends" $? 0
		count=${count:-$(descriptors)}
	done
	wait "$first"
	is "$served: with 0" $? 0
	is "$served: the path is the same file" "$(stat -c %i "$tap_dir/sock")" "$file"
	is "$served: and no descriptor is left over" "$(descriptors)" "$count"
	unset count
	end_all
	is "$served: the last one ends" $? 0
	is "$served: and removes the path" "$(ls "$tap_dir/sock" 2>/dev/null)" ""
	is "$served: nothing went wrong" "$(grep -cv -e 'listening on' -e 'started the succ' \
		-e 'has taken over' -e stopping -e '^hark: leaving' "$log")" 0
done

# Who talks goes on with who took it, and the port is free at the end.
serve 127.0.0.1:0 --echo --drain 20
mkfifo "$tap_dir/talk"
nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/talk" >"$tap_dir/answers" &
talker=$!
tap_pids="$tap_pids $talker"
exec 8>"$tap_dir/talk"
answered() {
	[ "$(cat "$tap_dir/answers")" = "$1" ]
}
echo one >&8
within 10 answered one
first=$server
upgrade
exec 8>&-
wait "$talker"
is "who talked to the old one is not cut" "$(cat "$tap_dir/answers")" one
within 20 gone "$first"
end_all

# A program goes on when its server has gone.
serve 127.0.0.1:0 -- sh -c 'read line; echo "$line"; read line; echo "$line"'
exec 8<>"$tap_dir/talk"
nc.openbsd -N 127.0.0.1 "$port" <"$tap_dir/talk" >"$tap_dir/answers" &
talker=$!
tap_pids="$tap_pids $talker"
echo one >&8
within 10 answered one
upgrade
within 20 gone "$old"
is "its server ends" $? 0
echo two >&8
both_answered() {
	[ "$(tr '\n' ' ' <"$tap_dir/answers")" = "one two " ]
}
within 10 both_answered
is "a program goes on beyond it" "$(tr '\n' ' ' <"$tap_dir/answers")" "one two "
exec 8>&-
leave "$talker"
end_all

# ------------------------------------------------------------------ another configuration

serve 127.0.0.1:0 "unix:$tap_dir/dropped" --echo
replace "exec '$real' serve 127.0.0.1:0 unix:$tap_dir/opened --echo"
upgrade
is "the successor has other words" $? 0
is "what it names still is handed over" "$(ask 127.0.0.1 "$port")" ohai
is "what it names newly is opened" "$(ask -U "$tap_dir/opened")" ohai
within 20 gone "$old"
is "what it names no more is closed" "$(ls "$tap_dir/dropped" 2>/dev/null)" ""
replace
end_all

# A script that is named is run each time.
cat >"$tap_dir/script" <<SCRIPT
#!/bin/sh
echo "\$#" >>"$tap_dir/runs"
exec "$real" serve --successor "$tap_dir/script" 127.0.0.1:0 --echo
SCRIPT
chmod 755 "$tap_dir/script"
serve 127.0.0.1:0 --successor "$tap_dir/script" --echo
for nth in 1 2 3; do
	upgrade
	is "--successor: the script, time $nth" "$? $(grep -c . "$tap_dir/runs")" "0 $nth"
	is "--successor: on the same port" "$(ask 127.0.0.1 "$port")" ohai
done
is "--successor: without words" "$(sort -u "$tap_dir/runs")" 0
end_all
said=$("$HARK" serve 127.0.0.1:0 --echo --successor hark 2>&1)
is "--successor: PATH is not searched" $? 100
has "and told so" "$said" "'hark'" "with a slash"

# A descriptor that somebody else has made stays one: nobody gates it, or removes its path.
if present systemd-socket-activate; then
	log=$tap_dir/log.activated
	port=4499
	systemd-socket-activate -l "127.0.0.1:$port" "$HARK" serve -v activation --echo \
		2>"$log" &
	server=$!
	tap_pids="$tap_pids $server"
	within 10 listening
	is "activated" "$(ask 127.0.0.1 "$port")" ohai
	upgrade
	is "and handed over" "$(ask 127.0.0.1 "$port")" ohai
	end_all
	has "the last one only closes it" "$(tail -n 1 "$log")" "closed (shared)"
else
	skip "activated, and handed over" "no systemd-socket-activate here"
fi

# -------------------------------------------------------------------------- it does not

# stays SENTENCE REASON [SCRIPT]: an upgrade fails, for that reason, and nothing has changed
refuses() {
	refusals=$(grep -c 'no hot restart, going on' "$log")
	[ $# = 2 ] || replace "$3"
	kill -USR2 "$server"
	within 20 logged 'no hot restart, going on' $((refusals + 1))
	is "$1: is told" $? 0
	has "$1: why" "$(grep -A1 'no hot restart' "$log" | tail -n 2)" "$2"
	is "$1: the old one goes on" "$(ask 127.0.0.1 "$port")" ohai
	is "$1: alone" "$(ps -o pid= --ppid "$server" | wc -l)" "$workers"
}

for served in "--echo" "--echo --workers 2" "--echo --model fork"; do
	workers=0
	case $served in *workers*) workers=2 ;; esac
	# shellcheck disable=SC2086
	serve 127.0.0.1:0 "unix:$tap_dir/sock" --upgrade-timeout 1 $served
	refuses "$served: one that exits" "ended: exit code 3" "exit 3"
	refuses "$served: one that crashes" "ended: signal SIGSEGV" 'kill -SEGV $$'
	refuses "$served: one that hangs" "was not ready in 1000 ms" "exec sleep 60"
	refuses "$served: one that knows nothing of it" "ended: exit code 0" \
		"exec '$real' --version >/dev/null"
	refuses "$served: a mistake in its words" "ended: exit code 100" \
		"exec '$real' serve --frob"
	refuses "$served: an address that is taken" "ended: exit code 111" \
		"exec '$real' serve 127.0.0.1:$port --echo"
	printf 'text\n' >"$tap_dir/new"
	chmod 755 "$tap_dir/new"
	mv "$tap_dir/new" "$HARK"
	refuses "$served: plain text" "ENOEXEC"
	chmod 644 "$HARK"
	refuses "$served: not executable" "EACCES"
	rm "$HARK"
	refuses "$served: none" "ENOENT"
	replace
	upgrade
	is "$served: and then one that does" $? 0
	is "$served: has the path" "$(ask -U "$tap_dir/sock")" ohai
	end_all
done

# One that was told to stop hands over no more; the other way round it ends who is not ready.
workers=0
serve 127.0.0.1:0 --echo --lame-duck 20
kill "$server"
within 10 logged 'told to stop, accepting' 1
refuses "a lame duck" "this server stops"
kill "$server"
wait "$server"
serve 127.0.0.1:0 --echo
replace "echo \$\$ >$tap_dir/waits; exec sleep 60"
kill -USR2 "$server"
waits() {
	[ -s "$tap_dir/waits" ]
}
within 10 waits
finish TERM
is "a stop does not wait for a successor" "$status" 0
within 10 gone "$(cat "$tap_dir/waits")"
is "and leaves none" $? 0
has "which is told" "$(cat "$log")" "this server stops"
replace

# Two at once, and too many.
serve 127.0.0.1:0 --echo --generations 2 --drain 60 --upgrade-timeout 60
replace "exec sleep 60"
kill -USR2 "$server"
within 10 logged 'started the successor' 1
refusals=0
kill -USR2 "$server"
within 10 logged 'another upgrade goes on' 1
is "one upgrade at a time" $? 0
pkill -KILL -P "$server" sleep
within 10 logged 'ended: signal SIGKILL' 1
replace
nc.openbsd 127.0.0.1 "$port" <"$tap_dir/talk" >/dev/null &
talker=$!
tap_pids="$tap_pids $talker"
exec 8>"$tap_dir/talk"
(while echo more; do sleep 0.02; done) >&8 2>/dev/null &
chatter=$!
tap_pids="$tap_pids $chatter"
within 10 sh -c "[ -n \"\$(ss -tnH state established 'sport = :$port')\" ]"
upgrade
is "with one that drains" $? 0
refuses "a third generation" "2 generations live already"
kill "$chatter"
exec 8>&-
leave "$talker"
within 20 gone "$old"
upgrade
is "when it has ended there is room" $? 0
end_all

# The successor is told to stop before it is ready: it does, and the old one goes on.
serve 127.0.0.1:0 --echo
replace "sleep 1; exec '$real' serve 127.0.0.1:0 --echo"
kill -USR2 "$server"
within 10 logged 'started the successor' 1
kill "$(sed -n 's/.*started the successor, process //p' "$log")"
within 10 logged 'no hot restart' 1
is "a successor that was told to stop is none" $? 0
is "and the old one goes on" "$(ask 127.0.0.1 "$port")" ohai
replace
finish TERM

# As somebody else, who has no privileges left: the port below 1024 is inherited.
if [ "$(id -u)" = 0 ] && present setpriv && setpriv --reuid=65534 --clear-groups true; then
	cp "$real" "$(dirname "$real")"/libhark.so.? "$tap_dir" 2>/dev/null
	rm "$HARK"
	cp "$real" "$HARK"
	LD_LIBRARY_PATH=$tap_dir
	export LD_LIBRARY_PATH
	serve --user 65534 --groups 81,82 127.0.0.81:81 --echo
	upgrade
	is "after the privileges have gone" $? 0
	is "it is on the same port" "$(ask 127.0.0.81 81)" ohai
	is "and is nobody still" "$(stat -c %u "/proc/$server")" 65534
	end_all
	unset LD_LIBRARY_PATH
	rm "$HARK"
	ln -s "$real" "$HARK"
else
	skip "after the privileges have gone" "needs root and setpriv"
fi

# ---------------------------------------------------------------------- refused at start

said=$("$HARK" serve 127.0.0.1:0 --echo --chroot / --upgrade-timeout 3 2>&1)
is "not under another root" "$?" 100
has "and told why" "$said" "--chroot" "a successor would be looked for in the new root"
said=$("$HARK" serve 127.0.0.1:0 --echo --generations 1 2>&1)
is "one generation is none" "$?" 100
has "and told what is right" "$said" "--generations" "2 to 16"

done_testing
