package main

import (
	"archive/zip"
	"bytes"
	"io"

	"github.com/stretchr/testify/require"
)

// Story 3: of a paper that the person keeps private, nobody else finds so much as a
// name: not the worker and not the manager of the centre that follows, not the desk.
func keptPrivate(tn *town) {
	secret := tn.writes("Lettre de ma mère")
	amina := tn.amina("private")
	amina.goTo(tn.url + "/papers/add")
	amina.press(`input[name="visibility"][value="private"]`)
	amina.photographs(secret)
	amina.look("kept", secret, "lock.private")
	id := ids.FindString(amina.at())
	amina.goTo(tn.url + "/papers/add")
	amina.press(`input[name="visibility"][value="shared"]`)
	amina.photographs(tn.writes("Attestation"))

	worker := tn.atWork(tn.Samir, "private-worker")
	worker.opensTheOnlyPerson("Amina K.", tn.writes("demande de logement"))
	worker.tap(`="/papers"`, "papers", tn.writes("Attestation"))
	worker.without(secret, id)
	for _, path := range []string{"", "/show", "/file", "/edit"} {
		worker.goTo(tn.url + "/papers/" + id + path)
		worker.look("refused", "problem.title", "says.not-found")
		worker.without(secret)
	}
	for _, path := range []string{"/", "/bin", "/appointments", "/contacts", "/notes"} {
		worker.goTo(tn.url + path)
		worker.waitFor("guest.in")
		worker.without(secret, id)
	}

	manager := tn.atWork(tn.Harbour.Manager, "private-manager")
	for _, path := range []string{"", "/team", "/team/journal"} {
		manager.goTo(tn.url + "/staff/relays/" + tn.Harbour.ID.String() + path)
		manager.look("manager")
		manager.without(secret, id)
	}
	desk := tn.atWork(tn.Lina, "private-desk")
	desk.atTheirCentre()
	desk.finds(tn.Amina.Login)
	desk.without(secret, id, "Amina")
	desk.goTo(tn.url + "/papers/" + id)
	desk.without(secret)

	amina.goTo(tn.url + "/items/" + id + "/seen")
	amina.look("seen", "seen.nobody")
}

// zipped are the files in an archive by name.
func zipped(s *surfer, archive []byte) map[string][]byte {
	s.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(s, err)
	files := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(s, err)
		files[f.Name], err = io.ReadAll(r)
		require.NoError(s, err)
		require.NoError(s, r.Close())
	}
	return files
}
