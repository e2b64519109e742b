#!/bin/sh
# git daemon as it was written for inetd: six clones at once, a push, and a clone that
# outlives the server.  K1 K2
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

if ! present git; then
	skip "git daemon" "git is not installed"
	done_testing
fi
if ! [ -x "$(git --exec-path)/git-daemon" ]; then
	skip "git daemon" "git has no git-daemon here"
	done_testing
fi

# Nobody else's settings: neither the user's nor the system's, nor those of a hook that
# may have started the tests.
# shellcheck disable=SC2046
unset $(git rev-parse --local-env-vars) GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM
export HOME="$tap_dir" XDG_CONFIG_HOME="$tap_dir" GIT_CONFIG_NOSYSTEM=1
export GIT_TERMINAL_PROMPT=0
cat >"$tap_dir/.gitconfig" <<-END
	[user]
		name = nobody in particular
		email = nobody@localhost
	[init]
		defaultBranch = main
	[core]
		compression = 0
	[gc]
		auto = 0
	[maintenance]
		auto = false
	[safe]
		directory = *
	[uploadpack]
		packObjectsHook = "$tap_dir/hook"
END
# What packs for a clone waits at the gate, if there is one.
mkdir "$tap_dir/hold"
cat >"$tap_dir/hook" <<-END
	#!/bin/sh
	if [ -p "$tap_dir/hold/gate" ]; then
		: >"$tap_dir/hold/arrived"
		cat "$tap_dir/hold/gate"
	fi
	exec "\$@"
END
chmod +x "$tap_dir/hook"

# A repository of some megabytes that do not compress.
work=$tap_dir/work
git init -q "$work"
for i in 1 2 3; do
	head -c 1000000 /dev/urandom >"$work/file.$i"
	git -C "$work" add "file.$i"
	git -C "$work" commit -q -m "file $i"
done
mkdir "$tap_dir/srv"
git clone -q --bare "$work" "$tap_dir/srv/repo.git"
head=$(git -C "$work" rev-parse HEAD)

# same DIRECTORY: a clone that is whole, and has what it should have.
same() {
	git -C "$1" fsck --full --strict >"$tap_dir/fsck" 2>&1 &&
		[ "$(git -C "$1" rev-parse HEAD)" = "$head" ] &&
		[ "$(git -C "$1" rev-list --count HEAD)" = 3 ] &&
		cmp "$work/file.1" "$1/file.1" &&
		cmp "$work/file.2" "$1/file.2" &&
		cmp "$work/file.3" "$1/file.3"
}

serve 127.0.0.1:0 -- git daemon --inetd --export-all --enable=receive-pack \
	--base-path="$tap_dir/srv"
url=git://127.0.0.1:$port/repo.git

is "git ls-remote" "$(timeout 30 git ls-remote "$url" HEAD 2>&1)" "$head	HEAD"

clients=
for i in 1 2 3 4 5 6; do
	timeout 60 git clone -q "$url" "$tap_dir/clone.$i" 2>"$tap_dir/clone.$i.err" &
	clients="$clients $!"
done
i=0
for client in $clients; do
	i=$((i + 1))
	wait "$client"
	is "clone $i of six at once ends well" "$?: $(cat "$tap_dir/clone.$i.err")" "0: "
done
for i in 1 2 3 4 5 6; do
	if same "$tap_dir/clone.$i"; then
		pass "clone $i is whole and the same"
	else
		fail "clone $i is whole and the same"
		note "$(cat "$tap_dir/fsck")"
	fi
done

head -c 1000000 /dev/urandom >"$tap_dir/clone.1/pushed"
git -C "$tap_dir/clone.1" add pushed
git -C "$tap_dir/clone.1" commit -q -m pushed
timeout 60 git -C "$tap_dir/clone.1" push -q origin HEAD:refs/heads/pushed 2>"$tap_dir/err"
is "git push ends well" "$?: $(cat "$tap_dir/err")" "0: "
git -C "$tap_dir/srv/repo.git" cat-file blob pushed:pushed >"$tap_dir/arrived"
cmp "$tap_dir/clone.1/pushed" "$tap_dir/arrived"
is "and what was pushed has arrived" $? 0

timeout 30 git ls-remote "git://127.0.0.1:$port/none.git" >"$tap_dir/out" 2>&1
is "a repository that is not there is refused" $? 128
within 10 childless
is "no process is left of all these" $? 0

# A clone in progress: its pack is not begun when the server ends.
mkfifo "$tap_dir/hold/gate"
timeout 60 git clone -q "$url" "$tap_dir/late" 2>"$tap_dir/late.err" &
client=$!
within 20 test -e "$tap_dir/hold/arrived"
is "a clone is in progress" $? 0
finish TERM
is "SIGTERM: exit 0" "$status" 0
timeout 30 git ls-remote "$url" >"$tap_dir/out" 2>&1
is "nobody new is served" $? 128
if [ -e "$tap_dir/hold/arrived" ]; then
	timeout 20 sh -c ': >"$1"' sh "$tap_dir/hold/gate"
fi
wait "$client"
is "the clone in progress ends well" "$?: $(cat "$tap_dir/late.err")" "0: "
same "$tap_dir/late"
is "and is whole and the same" $? 0

done_testing
