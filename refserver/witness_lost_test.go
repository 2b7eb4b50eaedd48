package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
)

// shown are the commands of the manual of the witness in this section.
func shown(t *testing.T, section string) (commands [][]string) {
	t.Helper()
	b, err := os.ReadFile("../docs/witness.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(b), "\n## "+section+"\n")
	require.True(t, found)
	rest, _, _ = strings.Cut(rest, "\n## ")
	for line := range strings.Lines(rest) {
		if command, is := strings.CutPrefix(strings.TrimSpace(line), "go run ./refserver "); is {
			commands = append(commands, strings.Fields(command))
		}
	}
	return commands
}

// Each command that the manual shows is run as it stands there, on a witness that
// really loses its records.
func TestTheManualOnALostWitness(t *testing.T) {
	t.Parallel()
	folder := shortDir(t)
	data, server := filepath.Join(folder, "w"), filepath.Join(folder, "data")
	flags, guard := aWitness(t, folder)
	r := start(t, server, append([]string{"--demo"}, flags...)...)
	v := visit(t, r)
	status, path, body := v.upload("Kept", pdf(1_000))
	require.Equal(t, http.StatusSeeOther, status, body)
	r.end(t)
	client := dial(t, flags)
	vaults, err := client.Vaults(t.Context(), [16]byte{}, 100)
	require.NoError(t, err)
	heads := map[[16]byte][]witness.Checkpoint{}
	for _, id := range vaults {
		heads[id], err = client.Latest(t.Context(), id)
		require.NoError(t, err)
	}
	before, err := client.Evaluate(t.Context(), vaults[0], [32]byte{1}, [32]byte{2}, 0)
	require.NoError(t, err)

	at := func(line []string) (out string) { // as it stands, but for where the files lie
		t.Helper()
		on, args := data, []string{}
		for _, word := range line {
			if strings.HasSuffix(word, ".share") {
				word = filepath.Join(folder, word)
			}
			args = append(args, word)
		}
		if line[0] == "admin" {
			on, args = server, append(args, flags...)
		}
		out, err := command(t, on, args...)
		require.NoError(t, err, strings.Join(line, " "))
		return out
	}
	keys := shown(t, "Keys, and their escrow")
	require.Len(t, keys, 3)
	require.Contains(t, at([]string{"witness", "keys"}), "in no escrow")
	require.Contains(t, at(keys[0]), "Give each to one person")
	for _, share := range []string{"one.share", "other.share"} {
		info, err := os.Stat(filepath.Join(folder, share))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	_, err = command(t, data, append([]string{"witness", "escrow"}, filepath.Join(folder, "one.share"), filepath.Join(folder, "third.share"))...)
	require.ErrorContains(t, err, "there is no escrow", "it writes over nothing")
	require.Contains(t, at(keys[1]), "Every key is in an escrow.")
	require.Contains(t, at(keys[2]), "in no escrow yet")
	require.Contains(t, at(keys[1]), "1 of these keys are lost with the witness's records")
	_, err = command(t, data, "witness", "rotate", "nice")
	require.ErrorContains(t, err, "no client of this name")

	lost := shown(t, "If the witness is lost")
	require.Len(t, lost, 3)
	shares := []string{filepath.Join(folder, "one.share"), filepath.Join(folder, "other.share")}
	_, err = command(t, data, append([]string{"witness", "restore-keys"}, shares...)...)
	require.ErrorContains(t, err, "stop it first")
	require.NoError(t, guard.Process.Kill())
	<-guard.ended
	files, err := filepath.Glob(filepath.Join(data, "witness.db*"))
	require.NoError(t, err)
	for _, file := range files {
		require.NoError(t, os.Remove(file))
	}
	_, err = command(t, filepath.Join(folder, "other"), append([]string{"witness", "restore-keys"}, shares...)...)
	require.ErrorContains(t, err, "put its identity.key into the data folder")
	_, err = command(t, data, "witness", "restore-keys", shares[0])
	require.ErrorContains(t, err, "both shares")
	_, err = command(t, data, "witness", "restore-keys", shares[0], shares[0])
	require.ErrorContains(t, err, "both are share 1")
	require.Contains(t, at(lost[0]), "lyon: 1 keys are back.")

	again, guard := aWitness(t, folder)
	flags = again
	client = dial(t, flags)
	_, err = client.Evaluate(t.Context(), vaults[0], [32]byte{1}, [32]byte{2}, before.Generation)
	require.ErrorIs(t, err, witness.ErrUnregistered)
	require.Contains(t, at(lost[1]), fmt.Sprintf("was told of %d vaults, 0 of them erased. It knew later heads of 0", len(vaults)))
	for id, known := range heads {
		now, err := client.Latest(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, known, now)
		_, side, err := client.OwnerSide(t.Context(), id)
		require.NoError(t, err)
		require.NotEmpty(t, side)
	}
	after, err := client.Evaluate(t.Context(), vaults[0], [32]byte{1}, [32]byte{2}, before.Generation)
	require.NoError(t, err)
	require.Equal(t, before.Output, after.Output)
	require.Contains(t, at(lost[2]), "Two shares of 2 keys")
	require.Contains(t, at(lost[1]), fmt.Sprintf("was told of %d vaults", len(vaults)), "it may be repeated")

	r = start(t, server, append([]string{"--demo"}, flags...)...)
	r.login, r.secret = v.r.login, v.r.secret
	require.Equal(t, string(pdf(1_000)), visit(t, r).get(path+"/file"), "and people go on")
	r.end(t)
	require.NoError(t, guard.Process.Kill())
	<-guard.ended
}

func TestALossWithoutSharesIsNotedToo(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(shortDir(t), "w")
	out, err := command(t, folder, "witness", "restore-keys", "--no-keys", "--client", "lyon,paris")
	require.NoError(t, err)
	require.Contains(t, out, "lyon: The loss is noted.\nparis: The loss is noted.\n")
	for _, wrong := range [][]string{{"--no-keys"}, {"--no-keys", "--client", "lyon", "one.share", "other.share"}, {}} {
		_, err := command(t, folder, append([]string{"witness", "restore-keys"}, wrong...)...)
		require.Error(t, err)
	}
}
