package api

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// A person comes from another operator with everything in one file.
func TestWhatIsBroughtIsSeenAndThenTakenIn(t *testing.T) {
	t.Parallel()
	s := commonServer(t)
	old, fresh := s.newPerson(t), s.newPerson(t)
	content := paper(1, 30_000)
	ok[Item](old.upload("Carte", content), 201)
	everything := old.call("GET", "/export", nil).Body
	file := ok[Item](fresh.upload("bundle", everything, "Content-Type", "application/zip"), 201)
	ask := map[string]any{"document": file.ID}
	plan := ok[BringingPlan](fresh.call("POST", "/imports/plan", ask), 200)
	require.Equal(t, "reconnect-bundle", plan.Format)
	require.Positive(t, plan.New)
	require.LessOrEqual(t, plan.Bytes, plan.Left)
	done := ok[Brought](fresh.call("POST", "/imports", ask), 200)
	require.Equal(t, plan.New, done.New)
	again := ok[Brought](fresh.call("POST", "/imports", ask), 200)
	require.Zero(t, again.New, "the same again doubles nothing")
	require.Equal(t, plan.New+plan.There, again.There)
	ask["inPlace"] = true
	require.Greater(t, ok[BringingPlan](fresh.call("POST", "/imports/plan", ask), 200).Left, plan.Left)
	require.Zero(t, ok[Brought](fresh.call("POST", "/imports", ask), 200).New)
	fresh.call("POST", "/imports", ask).refused(404, "not-found") // all was there, and the file is gone

	spoilt := bytes.Clone(everything)
	at := bytes.Index(spoilt, content[:1000])
	require.Positive(t, at)
	spoilt[at+10] ^= 1
	file = ok[Item](fresh.upload("bundle", spoilt, "Content-Type", "application/zip"), 201)
	refused := fresh.call("POST", "/imports", map[string]any{"document": file.ID}).refused(422, "bundle-damaged")
	require.Len(t, refused.Files, 1)
	require.Contains(t, refused.Files[0], "Carte")
	fresh.call("POST", "/imports", map[string]any{"document": "x"}).refused(404, "not-found")
}
