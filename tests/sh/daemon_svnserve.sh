#!/bin/sh
# svnserve -i: an import, six checkouts at once, and a commit that outlives the
# server.  K1 K2
# shellcheck source=tests/sh/tap.sh disable=SC2154,SC2016
. "$(dirname "$0")/tap.sh"

for command in svn svnserve svnadmin svnlook; do
	if ! present "$command"; then
		skip "svnserve" "$command is not installed"
		done_testing
	fi
done

export HOME="$tap_dir" LC_ALL=C
unset SVN_SSH
svn() {
	timeout 60 svn --config-dir "$tap_dir/config" --non-interactive --no-auth-cache "$@"
}

repository=$tap_dir/srv/repository
mkdir "$tap_dir/srv" "$tap_dir/hold"
svnadmin create "$repository"
printf '[general]\nanon-access = write\n' >"$repository/conf/svnserve.conf"
# What is committed waits at the gate, if there is one.
cat >"$repository/hooks/pre-commit" <<-END
	#!/bin/sh
	if [ -p "$tap_dir/hold/gate" ]; then
		: >"$tap_dir/hold/arrived"
		read -r line <"$tap_dir/hold/gate"
	fi
	exit 0
END
chmod +x "$repository/hooks/pre-commit"

source=$tap_dir/source
mkdir "$source" "$source/below"
for i in 1 2; do
	head -c 1000000 /dev/urandom >"$source/file.$i"
done
for i in $(seq 50); do
	echo "small file $i" >"$source/below/small $i"
done

# same CHECKOUT: it has what it should have, beside what svn keeps in it.
same() {
	diff -r "$source/below" "$1/below" && cmp "$source/file.1" "$1/file.1" &&
		cmp "$source/file.2" "$1/file.2"
}

serve 127.0.0.1:0 -- svnserve -i -r "$tap_dir/srv"
url=svn://127.0.0.1:$port/repository

svn import -q -m "all of it" "$source" "$url/trunk" 2>"$tap_dir/err"
is "svn import ends well" "$?: $(cat "$tap_dir/err")" "0: "
is "and is revision 1" "$(svnlook youngest "$repository")" 1

clients=
for i in 1 2 3 4 5 6; do
	svn checkout -q "$url/trunk" "$tap_dir/checkout.$i" 2>"$tap_dir/checkout.$i.err" &
	clients="$clients $!"
done
i=0
for client in $clients; do
	i=$((i + 1))
	wait "$client"
	is "checkout $i of six at once ends well" "$?: $(cat "$tap_dir/checkout.$i.err")" "0: "
	same "$tap_dir/checkout.$i"
	is "and brings everything as it was" $? 0
done

svn cat "$url/trunk/file.2" >"$tap_dir/cat"
cmp "$source/file.2" "$tap_dir/cat"
is "svn cat brings a file as it was" $? 0
svn info "svn://127.0.0.1:$port/none" >"$tap_dir/out" 2>&1
is "a repository that is not there is refused" $? 1
has "and svn says why" "$(cat "$tap_dir/out")" "No repository found"
within 10 childless
is "no process is left of all these" $? 0

# A commit in progress: all of it is sent, and not decided yet when the server ends.
mkfifo "$tap_dir/hold/gate"
head -c 1000000 /dev/urandom >"$tap_dir/checkout.1/file.1"
svn commit -q -m "another" "$tap_dir/checkout.1" 2>"$tap_dir/late.err" &
client=$!
within 20 test -e "$tap_dir/hold/arrived"
is "a commit is in progress" $? 0
finish TERM
is "SIGTERM: exit 0" "$status" 0
svn info "$url" >"$tap_dir/out" 2>&1
is "nobody new is served" $? 1
has "and svn says why" "$(cat "$tap_dir/out")" "refused"
is "the commit is still in progress" "$(svnlook youngest "$repository")" 1
if [ -e "$tap_dir/hold/arrived" ]; then
	timeout 20 sh -c 'echo >"$1"' sh "$tap_dir/hold/gate"
fi
wait "$client"
is "the commit in progress ends well" "$?: $(cat "$tap_dir/late.err")" "0: "
is "and is revision 2" "$(svnlook youngest "$repository")" 2
svnlook cat "$repository" trunk/file.1 >"$tap_dir/cat"
cmp "$tap_dir/checkout.1/file.1" "$tap_dir/cat"
is "as it was" $? 0

done_testing
