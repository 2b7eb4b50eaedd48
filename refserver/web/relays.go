package web

import "net/http"

// relayRoutes are the pages that need relays.
func (p *pages) relayRoutes(mux *http.ServeMux) {
	for pattern, h := range map[string]handler{
		"GET /sharing":                 p.sharing,
		"GET /sharing/with/{id}":       p.oneSharing,
		"POST /sharing/with/{id}/end":  p.endSharing,
		"GET /sharing/relays":          p.relays,
		"POST /sharing/relays":         p.findRelay,
		"GET /sharing/relays/{relay}":  p.followForm,
		"POST /sharing/relays/{relay}": p.follow,
		"GET /receipts/{id}":           p.consentReceipt,
		"GET /sharing/visit":           p.visitForm,
		"POST /sharing/visit":          p.startVisit,
	} {
		mux.Handle(pattern, p.person(h))
	}
	for pattern, h := range map[string]handler{
		"GET /staff/sign-in":  p.staffSignInForm,
		"POST /staff/sign-in": p.staffSignIn,
		"GET /staff/join":     p.joinForm,
		"POST /staff/join":    p.join,
	} {
		mux.Handle(pattern, p.anybody(h))
	}
	for pattern, h := range map[string]handler{
		"GET /staff":                                                         p.staffHome,
		"POST /staff/close":                                                  p.closeOpened,
		"GET /staff/factor":                                                  p.factorForm,
		"POST /staff/factor":                                                 p.enrolFactor,
		"POST /staff/factor/confirm":                                         p.confirmFactor,
		"GET /staff/ask":                                                     p.askForm,
		"POST /staff/ask":                                                    p.ask,
		"POST /staff/found":                                                  p.found,
		"POST /staff/ask/{relay}/take-back":                                  p.takeBackAsk,
		"GET /staff/recover":                                                 p.recoverForm,
		"POST /staff/recover":                                                p.recoverRelay,
		"GET /staff/relays/{relay}":                                          p.people,
		"POST /staff/relays/{relay}":                                         p.findPerson,
		"GET /staff/relays/{relay}/people/{person}":                          p.openPersonForm,
		"POST /staff/relays/{relay}/people/{person}":                         p.openPerson,
		"GET /staff/relays/{relay}/visits":                                   p.visits,
		"GET /staff/relays/{relay}/visits/{grant}":                           p.openVisitForm,
		"POST /staff/relays/{relay}/visits/{grant}":                          p.openVisit,
		"GET /staff/relays/{relay}/account":                                  p.accountForm,
		"POST /staff/relays/{relay}/account":                                 p.openAccount,
		"GET /staff/relays/{relay}/team":                                     p.team,
		"GET /staff/relays/{relay}/revoke":                                   p.revokeForm,
		"POST /staff/relays/{relay}/revoke":                                  p.revoke,
		"GET /staff/relays/{relay}/poster":                                   p.poster,
		"POST /staff/relays/{relay}/team/invite":                             p.again(p.invite),
		"POST /staff/relays/{relay}/team/admit":                              p.admit,
		"GET /staff/relays/{relay}/team/admit":                               p.team, // who loads again what was refused there
		"POST /staff/relays/{relay}/team/requests/{person}/refuse":           p.refuseJoin,
		"POST /staff/relays/{relay}/team/invitations/{invitation}/take-back": p.takeBackInvitation,
		"GET /staff/relays/{relay}/leave":                                    p.leaveRelayForm,
		"POST /staff/relays/{relay}/leave":                                   p.again(p.leaveRelay),
		"GET /staff/relays/{relay}/told":                                     p.told,
		"GET /staff/relays/{relay}/team/counts":                              p.monthly,
		"GET /staff/relays/{relay}/team/counts.csv":                          p.countsCSV,
		"GET /staff/relays/{relay}/team/keys":                                p.keysForm,
		"POST /staff/relays/{relay}/team/keys":                               p.changeKeys,
		"GET /staff/relays/{relay}/team/journal":                             p.teamJournal,
		"GET /staff/relays/{relay}/team/{worker}":                            p.memberForm,
		"GET /staff/relays/{relay}/team/{worker}/{change}":                   p.changeForm,
		"POST /staff/relays/{relay}/team/{worker}/{change}":                  p.changeMember,
	} {
		mux.Handle(pattern, p.staff(h))
	}
}
