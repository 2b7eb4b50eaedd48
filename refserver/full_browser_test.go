package main

import (
	"bytes"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/vault"
)

// Story 7: the last of 150 MB are used up while an upload runs. It is refused, nothing is
// lost, more is asked for and granted, and the same upload passes.
func full(tn *town) {
	tn.fillsUp(60_000) // less than the photo
	amina := tn.amina("full")
	before := amina.spaceLeft(tn)
	amina.goTo(tn.url + "/papers/add")
	amina.look("add", "papers.add")
	amina.choosesPhoto(tn.writes("Attestation"))
	if amina.device.scripts { // refused before a byte is sent; the page stays
		amina.look("refused", "phone.full")
		amina.forgives("507")
	} else {
		amina.look("refused", "says.full", "problem.left")
	}
	require.Equal(tn, before, amina.spaceLeft(tn), "what was refused takes no space")

	amina.goTo(tn.url + "/space")
	amina.write("#f-reason", tn.writes("pour tous mes papiers"))
	amina.look("ask", "space.ask", "space.largest")
	amina.press(`form:has(#f-reason) button:not([type=button])`)
	amina.look("asked", "done.asked", "space.waiting", tn.writes("pour tous mes papiers"))
	tn.grants()
	amina.goTo(tn.url + "/space")
	amina.look("granted", "space.state-approved")

	amina.goTo(tn.url + "/papers/add")
	amina.photographs(tn.writes("Attestation"))
	amina.look("kept", tn.writes("Attestation"))
	amina.goTo(tn.url + "/papers")
	amina.look("papers", "Scans", tn.writes("Attestation"))
}

// fillsUp leaves less than that many bytes in Amina's space, by large papers of hers.
func (tn *town) fillsUp(below int64) {
	tn.Helper()
	for {
		all, err := tn.Amina.Vault.Space(tn.Context())
		require.NoError(tn, err)
		left := all.Usage.Limit - all.Usage.Used
		if left < below {
			return
		}
		scans := pdf(int(left * 8 / 10)) // sealed and rounded up, it is a little more
		_, err = tn.Amina.Vault.AddDocument(tn.Context(), vault.NewDocument{
			Name: "Scans", MediaType: "application/pdf", Channel: "test", Size: int64(len(scans)),
		}, bytes.NewReader(scans))
		require.NoError(tn, err)
	}
}

// spaceLeft is what the page of space says is left.
func (s *surfer) spaceLeft(tn *town) string {
	s.Helper()
	s.goTo(tn.url + "/space")
	s.waitFor("space.left")
	return evaluated[string](s, `document.querySelector(".big").textContent`)
}

// grants is the operator's yes to the only request.
func (tn *town) grants() {
	tn.Helper()
	count := 0
	for p, err := range tn.Stage.Stage.Vaults.PendingSpace(tn.Context()) {
		require.NoError(tn, err)
		_, err = tn.Stage.Stage.Vaults.DecideSpace(tn.Context(), p.Vault, quota.Decision{Number: p.Number, Approve: true, By: "operator"})
		require.NoError(tn, err)
		count++
	}
	require.Equal(tn, 1, count)
}
