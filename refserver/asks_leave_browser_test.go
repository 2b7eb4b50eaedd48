package main

import (
	"errors"
	"strings"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/refserver/api/apiclient"
)

// code has the person make a code, and read it out.
func (s *surfer) code(server string) string {
	s.Helper()
	s.goTo(server + "/asks")
	s.press(`form[action="/asks/code"] button`)
	s.waitFor("asks.code-means")
	return s.words()[0]
}

// linksTheirFile has the person type what is in the file of the public body, which finds the link.
func (p *program) linksTheirFile(amina *surfer) apiclient.LinkToken {
	p.tn.Helper()
	file := consent.Traits{Number: "75-1234", FamilyName: "Keïta", FirstName: "Amina", BirthDate: "1990-05-01"}
	blinded, err := consent.BlindTraits(file)
	require.NoError(p.tn, err)
	asked, err := p.client.AskForLink(p.tn.Context(), apiclient.AskLinkRequest{
		Code: amina.code(p.tn.url), Purpose: apiclient.PartnerPurpose{Code: "benefits", Text: p.tn.writes("demande de logement")}, Salt: blinded.Salt[:], Digest: blinded.Digest[:],
	}, p.bearer)
	require.NoError(p.tn, err)
	amina.goTo(p.tn.url + "/asks")
	amina.tap(`^="/asks/"][class="row"`, "link-asked", "asks.link-means", "asks.block-means")
	for field, value := range map[string]string{"filenumber": file.Number, "familyname": file.FamilyName, "firstname": file.FirstName, "birthdate": string(file.BirthDate)} {
		amina.fills("#f-"+field, value)
	}
	amina.press(`form:has(#f-filenumber) button.main`)
	amina.look("linked", "done.partner-linked", "asks.may-leave", "asks.end-links")
	link, err := p.client.ReadLink(p.tn.Context(), asked.Value, p.bearer)
	require.NoError(p.tn, err)
	return link.Value
}

// leaves a message, and says whether it was taken.
func (p *program) leaves(link apiclient.LinkToken) bool {
	p.tn.Helper()
	_, err := p.client.LeaveNoteAsPartner(p.tn.Context(), apiclient.PartnerLeavesNoteRequest{Link: link.Link, Name: p.tn.writes("Bail"), Text: p.tn.writes("demande de logement")}, p.bearer)
	var refused *apiclient.Problem
	if errors.As(err, &refused) {
		require.True(p.tn, strings.HasSuffix(refused.Type, "/not-taken"), refused.Type)
		return false
	}
	require.NoError(p.tn, err)
	return true
}

// leavesUntilBlocked: a public body leaves a message with who linked their file and lets it,
// and none as soon as they close their inbox, stop it, end the links or block it.
func (p *program) leavesUntilBlocked(amina *surfer) {
	p.tn.Helper()
	link := p.linksTheirFile(amina)
	require.False(p.tn, p.leaves(link), "nobody has let it")
	amina.press(`form[action$="/leaves"] button`)
	amina.look("leaves", "done.partner-leaves", "asks.leaves", "asks.stop-leaving")
	require.True(p.tn, p.leaves(link))
	amina.goTo(p.tn.url + "/deposits")
	amina.look("left", "CAF du Rhône", "deposits.take")
	amina.press(`form[action="/deposits/take"] button`)
	amina.look("taken-in", "done.deposits-taken", "CAF du Rhône", "deposits.by-link")

	amina.goTo(p.tn.url + "/links")
	amina.look("inbox", "CAF du Rhône", "inbox.open-means")
	amina.press(`form[action="/inbox/closed"] button`)
	amina.look("inbox-closed", "done.inbox-closed", "inbox.closed-means")
	require.False(p.tn, p.leaves(link))
	amina.press(`form[action="/inbox/closed"] button`)
	amina.waitFor("done.inbox-open")
	require.True(p.tn, p.leaves(link))

	amina.goTo(p.tn.url + "/asks")
	amina.press(`form[action$="/stop"] button`)
	amina.look("stopped", "done.partner-stopped", "asks.may-leave")
	require.False(p.tn, p.leaves(link))
	amina.press(`form[action$="/leaves"] button`)
	amina.waitFor("done.partner-leaves")
	amina.press(`form[action$="/end-links"] button`)
	amina.look("unlinked", "done.partner-unlinked")
	require.False(p.tn, p.leaves(link))

	p.asks(amina.code(p.tn.url))
	amina.goTo(p.tn.url + "/asks")
	amina.press(`a.row[href^="/asks/"]`)
	amina.waitFor("asks.block-means")
	amina.press(`form[action$="/block"] button`)
	amina.look("blocked", "done.partner-blocked", "asks.blocked", "asks.unblock")
}
