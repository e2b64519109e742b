#!/bin/sh
# rsync's daemon: up, down, several at once, and an upload that outlives the server.  K1 K2
# shellcheck source=tests/sh/tap.sh disable=SC2154
. "$(dirname "$0")/tap.sh"

if ! present rsync; then
	skip "rsync daemon" "rsync is not installed"
	done_testing
fi

export HOME="$tap_dir"
unset RSYNC_CONNECT_PROG RSYNC_PROXY RSYNC_OLD_ARGS RSYNC_PROTECT_ARGS
# Only what rsync itself sees of the client's address lets it in.  Root would become
# nobody, who does not get into this directory.
{
	[ "$(id -u)" != 0 ] || printf 'uid = 0\ngid = 0\n'
	cat <<-END
		use chroot = no
		reverse lookup = no
		log file = $tap_dir/rsyncd.log
		[data]
		path = $tap_dir/srv
		read only = no
		hosts allow = 127.0.0.1
		hosts deny = *
		[closed]
		path = $tap_dir/srv
		hosts allow = 192.0.2.1
		hosts deny = *
	END
} >"$tap_dir/rsyncd.conf"

source=$tap_dir/source
mkdir "$tap_dir/srv" "$source" "$source/below"
for i in 1 2 3; do
	head -c 1000000 /dev/urandom >"$source/file.$i"
done
for i in $(seq 100); do
	echo "small file $i" >"$source/below/small $i"
done

serve 127.0.0.1:0 -- rsync --daemon --config="$tap_dir/rsyncd.conf"
url=rsync://127.0.0.1:$port

is "the modules are listed" "$(timeout 30 rsync "$url/" 2>&1 | tr -d ' \t\n')" dataclosed

timeout 60 rsync -a "$source/" "$url/data/up/" 2>"$tap_dir/err"
is "an upload ends well" "$?: $(cat "$tap_dir/err")" "0: "
diff -r "$source" "$tap_dir/srv/up"
is "and everything has arrived as it was" $? 0
is "by checksums nothing differs" \
	"$(timeout 60 rsync -aci "$source/" "$url/data/up/" 2>&1)" ""

# The difference alone: both sides talk at the same time.
head -c 500000 "$source/file.1" >"$tap_dir/changed"
echo "a line in the middle" >>"$tap_dir/changed"
tail -c 500000 "$source/file.1" >>"$tap_dir/changed"
mv "$tap_dir/changed" "$source/file.1"
is "by checksums one file differs" \
	"$(timeout 60 rsync -cr --no-whole-file --out-format=%n "$source/" "$url/data/up/" 2>&1)" \
	file.1
diff -r "$source" "$tap_dir/srv/up"
is "and its difference has arrived" $? 0

clients=
for i in 1 2 3 4 5 6; do
	timeout 60 rsync -a "$url/data/up/" "$tap_dir/down.$i/" 2>"$tap_dir/down.$i.err" &
	clients="$clients $!"
done
i=0
for client in $clients; do
	i=$((i + 1))
	wait "$client"
	is "download $i of six at once ends well" "$?: $(cat "$tap_dir/down.$i.err")" "0: "
	diff -r "$source" "$tap_dir/down.$i"
	is "and brings everything as it was" $? 0
done

timeout 30 rsync "$url/closed/" >"$tap_dir/out" 2>&1
is "who is not allowed by his address is refused" $? 5
has "and the daemon's log has the address" "$(cat "$tap_dir/rsyncd.log")" \
	"rsync denied on module closed from" "(127.0.0.1)"
within 10 childless
is "no process is left of all these" $? 0

# An upload in progress: too slow to be through at once, and held while the server ends.
receives() {
	[ -n "$(find "$tap_dir/srv/late" -name '.file.1.*' -size +0 2>/dev/null)" ]
}
rsync -a --whole-file --bwlimit=1000 --timeout=60 "$source/" "$url/data/late/" \
	2>"$tap_dir/late.err" &
client=$!
tap_pids="$tap_pids $client"
within 20 receives
is "an upload is in progress" $? 0
kill -STOP "$client"
finish TERM
is "SIGTERM: exit 0" "$status" 0
timeout 30 rsync "$url/" >"$tap_dir/out" 2>&1
is "nobody new is served" $? 10
is "the upload is still in progress" "$(ls "$tap_dir/srv/late/file.3" 2>/dev/null)" ""
kill -CONT "$client"
wait "$client"
is "the upload in progress ends well" "$?: $(cat "$tap_dir/late.err")" "0: "
diff -r "$source" "$tap_dir/srv/late"
is "and everything has arrived as it was" $? 0

done_testing
