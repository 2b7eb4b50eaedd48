package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"reconnect.example/consent"
	"reconnect.example/refserver/session"
	"reconnect.example/vault"
)

// Member is somebody who works for a relay, as its managers see them.
type Member struct {
	Worker     string    `json:"worker" doc:"Id of their own account."`
	Name       string    `json:"name" doc:"As the relay let them in."`
	Roles      []string  `json:"roles" nullable:"false" doc:"help, manage."`
	Since      time.Time `json:"since" doc:"When they were let in."`
	State      string    `json:"state" doc:"active, suspended, or leaving: gone, and a key of the relay is still to be taken from them: remove them again."`
	KeyChanged bool      `json:"keyChanged,omitempty" doc:"true: their keys are not those that were let in. Compare, and renew."`
	ETag       string    `json:"etag" doc:"Of the roles, with its quotes: for If-Match when they are changed."`
}

type membersOutput struct {
	Body struct {
		Members    []Member `json:"members" nullable:"false" doc:"In the order of their ids, which stays the same while names change; sort them for showing."`
		OneManager bool     `json:"oneManager" doc:"true: only one is left who manages."`
		Next
	}
}

func listMembers(ctx context.Context, p *consent.Post, in *pageAtRelay) (*membersOutput, error) {
	team, err := p.Members(ctx)
	if err != nil {
		return nil, err
	}
	out := &membersOutput{}
	all, next := page(in.Paged, team.Members, func(m consent.TeamMember) string { return m.Worker.String() })
	out.Body.OneManager, out.Body.Members, out.Body.Next = team.OneManager, make([]Member, 0, len(all)), next
	for _, m := range all {
		out.Body.Members = append(out.Body.Members, Member{
			Worker: m.Worker.String(), Name: m.Name, Roles: rolesJSON(m.Roles), Since: m.Since, State: string(m.State), KeyChanged: m.KeyChanged, ETag: rolesTag(m.Roles),
		})
	}
	return out, nil
}

// Roles are what somebody may do at a relay.
type Roles struct {
	Roles []string `json:"roles" nullable:"false" minItems:"1" enum:"help,manage" doc:"help: opens what people share. manage: lets workers in and takes them out."`
}

type inviteInput struct {
	AtRelay
	Body struct {
		Roles
		Label string `json:"label,omitempty" maxLength:"100" doc:"For whom it is: for the managers of the relay alone, as long as nobody has used it."`
	}
}

type inviteOutput struct {
	Body struct {
		Code  string    `json:"code" doc:"To be handed over on paper or aloud. Shown once."`
		Until time.Time `json:"until" doc:"How long it can be used."`
		ID    string    `json:"id" doc:"Names it in the list of invitations. It is no secret, and lets nobody in."`
	}
}

func invite(ctx context.Context, p *consent.Post, in *inviteInput) (*inviteOutput, error) {
	if err := p.Worker().Own().ShownLately(ctx, session.Lately); err != nil {
		return nil, err
	}
	i, err := p.Invite(ctx, rolesOf(in.Body.Roles.Roles), &consent.InviteOptions{Label: in.Body.Label})
	if err != nil {
		return nil, err
	}
	out := &inviteOutput{}
	out.Body.Code, out.Body.Until, out.Body.ID = i.Code, i.Until, i.ID.String()
	return out, nil
}

// Invitation is a code that nobody has used yet, as the managers of its relay see it.
type Invitation struct {
	ID    string    `json:"id" doc:"To take it back."`
	Label string    `json:"label,omitempty" doc:"For whom it is, as who made it wrote."`
	By    string    `json:"by" doc:"The manager who made it."`
	Roles []string  `json:"roles" nullable:"false" doc:"That it proposes."`
	Until time.Time `json:"until" doc:"How long it can be used."`
}

type invitationsOutput struct {
	Body struct {
		Invitations []Invitation `json:"invitations" nullable:"false" doc:"The first that ends before the others. The codes are not in it: they were shown once."`
		Next
	}
}

func listInvitations(ctx context.Context, p *consent.Post, in *pageAtRelay) (*invitationsOutput, error) {
	all, err := p.Invitations(ctx)
	if err != nil {
		return nil, err
	}
	out := &invitationsOutput{}
	all, out.Body.Next = page(in.Paged, all, func(i consent.Invitation) string { return oldestFirst(i.Until, i.ID.String()) })
	out.Body.Invitations = make([]Invitation, 0, len(all))
	for _, i := range all {
		out.Body.Invitations = append(out.Body.Invitations, Invitation{ID: i.ID.String(), Label: i.Label, By: i.By, Roles: rolesJSON(i.Roles), Until: i.Until})
	}
	return out, nil
}

type oneInvitation struct {
	AtRelay
	Invitation string `path:"invitation" doc:"From the list of invitations."`
}

func takeBackInvitation(ctx context.Context, p *consent.Post, in *oneInvitation) (*confirmedOutput, error) {
	id, err := consent.ParseInvitationID(in.Invitation)
	if err != nil {
		return nil, vault.ErrNotFound
	}
	return confirmed(p.TakeBack(ctx, id))
}

// Shown is the caller's own secret, once more. A session that was left open must let
// nobody in for good: neither as a worker or a manager, nor by the recovery sheet.
type Shown struct {
	Secret Secret `json:"secret" doc:"The caller's own, once more: an open session alone changes no team."`
}

func (s *Shown) by(ctx context.Context, p *consent.Post) error {
	return p.Worker().Own().ShowSecret(ctx, s.Secret.vault())
}

// JoinRequest is somebody who asks to be let in.
type JoinRequest struct {
	Worker      string    `json:"worker" doc:"Id of their own account."`
	Name        string    `json:"name" doc:"As they say."`
	Roles       []string  `json:"roles" nullable:"false" doc:"That the invitation proposed."`
	At          time.Time `json:"at" doc:"When."`
	Fingerprint string    `json:"fingerprint" doc:"Must be the one that the worker reads aloud from their own screen: never copy it from here."`
}

type requestsToJoinOutput struct {
	Body struct {
		Requests []JoinRequest `json:"requests" nullable:"false" doc:"The oldest first."`
		Next
	}
}

func listJoinRequests(ctx context.Context, p *consent.Post, in *pageAtRelay) (*requestsToJoinOutput, error) {
	all, err := p.Requests(ctx)
	if err != nil {
		return nil, err
	}
	out := &requestsToJoinOutput{}
	all, out.Body.Next = page(in.Paged, all, func(r consent.JoinRequest) string { return oldestFirst(r.At, r.Worker.String()) })
	out.Body.Requests = make([]JoinRequest, 0, len(all))
	for _, r := range all {
		out.Body.Requests = append(out.Body.Requests, JoinRequest{Worker: r.Worker.String(), Name: r.Name, Roles: rolesJSON(r.Roles), At: r.At, Fingerprint: r.Fingerprint})
	}
	return out, nil
}

type admitInput struct {
	AtRelay
	Body struct {
		Roles
		Shown
		Worker      string `json:"worker" doc:"Who asks."`
		Fingerprint string `json:"fingerprint" minLength:"1" maxLength:"100" doc:"As the worker read it aloud, or as it was scanned from their screen."`
	}
}

func admit(ctx context.Context, p *consent.Post, in *admitInput) (*confirmedOutput, error) {
	id, err := spaceID(in.Body.Worker)
	if err != nil {
		return nil, err
	}
	if err := in.Body.by(ctx, p); err != nil {
		return nil, err
	}
	return confirmed(p.Admit(ctx, consent.Admission{Worker: id, Fingerprint: in.Body.Fingerprint, Roles: rolesOf(in.Body.Roles.Roles)}))
}

// OneJoinRequest is the address of somebody who asks to be let in.
type OneJoinRequest struct {
	AtRelay
	Worker string `path:"worker" doc:"From the list of requests."`
}

func refuseJoin(ctx context.Context, p *consent.Post, in *OneJoinRequest) (*confirmedOutput, error) {
	id, err := spaceID(in.Worker)
	if err != nil {
		return nil, err
	}
	return confirmed(p.Refuse(ctx, id))
}

// OneMember is the address of somebody who works for a relay.
type OneMember struct {
	AtRelay
	Worker string `path:"worker" doc:"From the list of members."`
}

type sheetOutput struct {
	Body struct {
		Sheet     *Sheet `json:"sheet,omitempty" doc:"A new recovery sheet, where keys of the whole relay were changed: print it, the last one is worthless."`
		Confirmed bool   `json:"confirmed" doc:"false: it is in force, but the witness could not confirm it yet."`
	}
}

type onMemberInput struct {
	OneMember
	Body Shown
}

// onMember makes an operation of something that is done to a member.
func onMember(act func(context.Context, *consent.Post, vault.ID) (*consent.Sheet, error)) func(context.Context, *consent.Post, *onMemberInput) (*sheetOutput, error) {
	return func(ctx context.Context, p *consent.Post, in *onMemberInput) (*sheetOutput, error) {
		id, err := spaceID(in.Worker)
		if err != nil {
			return nil, err
		}
		if err := in.Body.by(ctx, p); err != nil {
			return nil, err
		}
		return sheetAnswer(act(ctx, p, id))
	}
}

func sheetAnswer(s *consent.Sheet, err error) (*sheetOutput, error) {
	confirmed, err := done(err)
	if err != nil {
		return nil, err
	}
	out := &sheetOutput{}
	if out.Body.Confirmed = confirmed; s != nil {
		out.Body.Sheet = sheetJSON(*s)
	}
	return out, nil
}

func remove(ctx context.Context, p *consent.Post, id vault.ID) (*consent.Sheet, error) {
	return p.Remove(ctx, id)
}

func suspend(ctx context.Context, p *consent.Post, id vault.ID) (*consent.Sheet, error) {
	return p.Suspend(ctx, id)
}

func resume(ctx context.Context, p *consent.Post, id vault.ID) (*consent.Sheet, error) {
	return nil, p.Resume(ctx, id)
}

type setRolesInput struct {
	OneMember
	IfMatch string `header:"If-Match" doc:"The etag of the member in the list, with its quotes. Without it the request is refused, so that nobody overwrites what another manager has changed."`
	Body    struct {
		Roles
		Shown
	}
}

func setRoles(ctx context.Context, p *consent.Post, in *setRolesInput) (*sheetOutput, error) {
	id, err := spaceID(in.Worker)
	if err != nil {
		return nil, err
	}
	seen, err := seenRoles(in.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := in.Body.by(ctx, p); err != nil {
		return nil, err
	}
	return sheetAnswer(p.ReplaceRoles(ctx, id, seen, rolesOf(in.Body.Roles.Roles)))
}

// rolesTag is the strong validator of a member's roles.
func rolesTag(r consent.Role) string { return `"` + strings.Join(rolesJSON(r), "+") + `"` }

// seenRoles reads If-Match. A tag that this server never gave cannot match.
func seenRoles(ifMatch string) (consent.Role, error) {
	ifMatch = strings.TrimSpace(ifMatch)
	if ifMatch == "" {
		return 0, errPrecondition
	}
	opaque, ok := entityTag(ifMatch)
	if !ok {
		return 0, invalid("header.If-Match", `the etag of a member, such as "help+manage"`)
	}
	seen := rolesOf(strings.Split(opaque, "+"))
	if rolesTag(seen) != ifMatch {
		return 0, vault.ErrRevision
	}
	return seen, nil
}

type renewInput struct {
	OneMember
	Body struct {
		Shown
		Fingerprint string `json:"fingerprint" minLength:"1" maxLength:"100" doc:"Of the new keys, as the worker read it aloud."`
	}
}

func renew(ctx context.Context, p *consent.Post, in *renewInput) (*sheetOutput, error) {
	id, err := spaceID(in.Worker)
	if err != nil {
		return nil, err
	}
	if err := in.Body.by(ctx, p); err != nil {
		return nil, err
	}
	return sheetAnswer(p.Renew(ctx, id, in.Body.Fingerprint))
}

type replaceInput struct {
	OneMember
	Body struct {
		Roles
		Shown
		Worker      string `json:"worker" doc:"The new account, which has asked to be let in."`
		Fingerprint string `json:"fingerprint" minLength:"1" maxLength:"100" doc:"Of the new account, as the worker read it aloud."`
	}
}

func replace(ctx context.Context, p *consent.Post, in *replaceInput) (*sheetOutput, error) {
	old, err := spaceID(in.Worker)
	if err != nil {
		return nil, err
	}
	fresh, err := spaceID(in.Body.Worker)
	if err != nil {
		return nil, err
	}
	if err := in.Body.by(ctx, p); err != nil {
		return nil, err
	}
	return sheetAnswer(p.ReplaceForgotten(ctx, old, consent.Admission{Worker: fresh, Fingerprint: in.Body.Fingerprint, Roles: rolesOf(in.Body.Roles.Roles)}))
}

type rotateKeyInput struct {
	AtRelay
	Body Shown
}

func rotateKey(ctx context.Context, p *consent.Post, in *rotateKeyInput) (*sheetOutput, error) {
	if err := in.Body.by(ctx, p); err != nil {
		return nil, err
	}
	s, err := p.RotateKey(ctx)
	return sheetAnswer(&s, err)
}

type relayJournalInput struct {
	AtRelay
	JournalPage
}

// RelayEntry is one line of a relay's journal.
type RelayEntry struct {
	Entry
	About string `json:"about,omitempty" doc:"Name of the worker whom the line is about."`
}

type relayJournalOutput struct {
	Body struct {
		Entries []RelayEntry `json:"entries" nullable:"false" doc:"Newest first."`
		Next    uint64       `json:"next,omitempty" doc:"For \"before\"; missing on the last page."`
	}
}

func relayJournal(ctx context.Context, p *consent.Post, in *relayJournalInput) (*relayJournalOutput, error) {
	lines, err := p.WhatHappened(ctx, &vault.JournalOptions{Before: in.Before, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := &relayJournalOutput{}
	out.Body.Entries = make([]RelayEntry, 0, len(lines))
	for _, h := range lines {
		out.Body.Entries = append(out.Body.Entries, RelayEntry{Entry: entryJSON(h.Entry), About: h.About})
	}
	if n := len(lines); n > 0 && lines[n-1].Number > 1 {
		out.Body.Next = lines[n-1].Number
	}
	return out, nil
}

type relayCountsOutput struct {
	Body struct {
		Followed       string `json:"followed" doc:"People whom the relay follows now. Below ten it is \"<10\", as are all of these."`
		FollowedSince  string `json:"followedSince" doc:"Of them, since the beginning of the year; \"-\" where the two together would tell a number below ten."`
		OpenedThisYear string `json:"openedThisYear" doc:"Accounts that it opened this calendar year."`
		OpenedLastYear string `json:"openedLastYear" doc:"And last year."`
	}
}

func relayCounts(ctx context.Context, p *consent.Post, _ *AtRelay) (*relayCountsOutput, error) {
	c, err := p.Counts(ctx)
	if err != nil {
		return nil, err
	}
	out := &relayCountsOutput{}
	out.Body.Followed, out.Body.FollowedSince = c.Followed.String(), c.FollowedSince.String()
	out.Body.OpenedThisYear, out.Body.OpenedLastYear = c.OpenedThisYear.String(), c.OpenedLastYear.String()
	return out, nil
}

type licenceOutput struct {
	Body struct {
		Status   string `json:"status" doc:"in-force, ends-soon, not-yet, expired, withdrawn or none: only in the first two the relay opens accounts, and everything else goes on in all of them."`
		Number   string `json:"number,omitempty" doc:"Of the licence that the status is about."`
		From     string `json:"from,omitempty" format:"date" doc:"Its first day."`
		To       string `json:"to,omitempty" format:"date" doc:"Its last day."`
		Until    string `json:"until,omitempty" format:"date" doc:"The last day up to which licences follow each other without a gap."`
		DaysLeft int    `json:"daysLeft,omitempty" doc:"Until then, today being the first."`
	}
}

func (a *API) licence(ctx context.Context, p *consent.Post, _ *AtRelay) (*licenceOutput, error) {
	s, err := a.relays.Licence(ctx, p.Relay().ID)
	if err != nil {
		return nil, err
	}
	out := &licenceOutput{}
	out.Body.Status, out.Body.Number = string(s.Status), s.Licence.Number
	out.Body.From, out.Body.To = string(s.Licence.From), string(s.Licence.To)
	out.Body.Until, out.Body.DaysLeft = string(s.Until), s.DaysLeft
	return out, nil
}

func (a *API) addTeam() {
	change := secretProblems("not-manager", "not-found", "last-manager", "fingerprint", "too-many", "untrusted-key")
	at := func(method, path, id, summary, description string, status int, problems ...string) operation {
		return operation{
			method: method, path: "/staff/relays/{relay}" + path, id: id, tag: "Team", summary: summary,
			description: description, status: status, problems: problems,
		}
	}
	registerPost(a, at(http.MethodGet, "/members", "list-members", "Who works for the relay", "For managers, and a line in the relay's journal.", 0, "not-manager", "untrusted-key"), listMembers)
	registerPost(a, at(http.MethodPost, "/invitations", "invite", "Invite a worker", "The roles are a proposal; who lets them in decides."+lateSecret, http.StatusCreated, append(secretProblems("secret-again"), "not-manager", "not-found", "last-manager", "fingerprint", "too-many", "untrusted-key")...), invite)
	registerPost(a, at(http.MethodGet, "/invitations", "list-invitations", "Which invitations nobody has used", "For managers. No code is in it.", 0, "not-manager", "untrusted-key"), listInvitations)
	registerPost(a, at(http.MethodDelete, "/invitations/{invitation}", "take-back-invitation", "Take an invitation back", "Its code lets nobody ask any more. Who has asked with it is in the list of requests, and is let in by nobody but a manager.", 0, "not-manager", "not-found", "untrusted-key"), takeBackInvitation)
	registerPost(a, at(http.MethodGet, "/requests", "list-join-requests", "Who asks to be let in", "What is not signed by who asks is left out.", 0, "not-manager", "untrusted-key"), listJoinRequests)
	registerPost(a, at(http.MethodDelete, "/requests/{worker}", "refuse-join-request", "Refuse somebody who asks", "Nobody lets them in by what they asked. They see that they are not in, and can ask again with another invitation.", 0, "not-manager", "not-found", "untrusted-key"), refuseJoin)
	registerPost(a, at(http.MethodPost, "/members", "admit", "Let a worker in", "The manager has compared the digits with the worker: another fingerprint is refused.", 0, change...), admit)
	roles := at(http.MethodPut, "/members/{worker}/roles", "set-roles", "Change what a worker may", "Nobody changes their own.", 0, change...)
	roles.ifMatch = true
	registerPost(a, roles, setRoles)
	registerPost(a, at(http.MethodPost, "/members/{worker}/suspend", "suspend", "Suspend a worker", "As removing, for a while.", 0, change...), onMember(suspend))
	registerPost(a, at(http.MethodPost, "/members/{worker}/resume", "resume", "Let a suspended worker in again", "With the roles that they had.", 0, change...), onMember(resume))
	registerPost(a, at(http.MethodPost, "/members/{worker}/renew", "renew", "Let a worker with new keys in again", "Compare the digits of the new keys first.", 0, change...), renew)
	registerPost(a, at(http.MethodPost, "/members/{worker}/replace", "replace", "Let a worker who forgot their password in with a new account", "Nobody can give a password back: its keys are lost with it. The worker makes a new account with an invitation and asks to join; this lets it in and takes the old one out.", 0, change...), replace)
	registerPost(a, at(http.MethodPost, "/members/{worker}/remove", "remove", "Take a worker out", "From then on nothing that they have open at this relay goes on, also not a download. Then keys change. After an error, call it again. What they saw, they may have kept.", 0, change...), onMember(remove))
	registerPost(a, at(http.MethodPost, "/keys", "rotate-relay-keys", "Give the relay new keys", "For a key that somebody may know, and to print a new recovery sheet.", 0, change...), rotateKey)
	registerPost(a, at(http.MethodGet, "/journal", "relay-journal", "What happened at the relay", "Who let whom in, who took whom out, who changed its keys, newest first. Who only manages reads no name of the people whom the relay follows. Reading it is a line too.", 0, "not-manager", "invalid", "untrusted-key"), relayJournal)
	registerPost(a, at(http.MethodGet, "/counts", "relay-counts", "Count the people", "For who pays for the relay. It names nobody, and small numbers are not told.", 0), relayCounts)
	registerPost(a, at(http.MethodGet, "/licence", "relay-licence", "How the licence stands", "With a warning sixty days before its end.", 0), a.licence)
}
