package web

import "net/http"

// recoveryRoutes are the pages that help people back in.
func (p *pages) recoveryRoutes(mux *http.ServeMux) {
	for pattern, h := range map[string]handler{
		"GET /ways":                            p.ways,
		"GET /ways/sheet":                      p.sheetForm,
		"POST /ways/sheet":                     p.makeSheet,
		"POST /ways/printed":                   p.printed,
		"GET /ways/receipts":                   p.waysReceipts,
		"GET /ways/questions":                  p.questionsForm,
		"POST /ways/questions":                 p.chooseQuestions,
		"POST /ways/questions/answers":         p.makeAnswers,
		"GET /ways/pictures":                   p.picturesForm,
		"POST /ways/pictures":                  p.makePictures,
		"GET /ways/helpers":                    p.helpersForm,
		"POST /ways/helpers":                   p.makeHelpers,
		"GET /ways/withdraw/{family}":          p.withdrawForm,
		"POST /ways/withdraw/{family}":         p.withdrawWay,
		"POST /ways/requests/{request}/cancel": p.cancelOwn,
		"GET /locked":                          p.locked,
		"POST /locked":                         p.openLocked,
		"POST /locked/pending":                 p.openPending,
		"GET /back/done":                       p.cameBack,
	} {
		mux.Handle(pattern, p.person(h))
	}
	for pattern, h := range map[string]handler{
		"GET /back":                p.enterForm,
		"POST /back":               p.enter,
		"GET /back/wait":           p.look,
		"GET /back/new":            p.comeForm,
		"POST /back/new":           p.come,
		"GET /staff/unlock":        p.unlockForm,
		"POST /staff/unlock":       p.unlockSession,
		"POST /staff/locked/leave": p.leaveLocked,
	} {
		mux.Handle(pattern, p.anybody(h))
	}
	const person = "/staff/relays/{relay}/people/{person}/help"
	for pattern, h := range map[string]handler{
		"POST /staff/lock":                     p.handDevice,
		"GET /staff/relays/{relay}/requests":   p.requests,
		"POST /staff/relays/{relay}/find":      p.findByLogin,
		"GET " + person:                        p.helpForm,
		"POST " + person:                       p.openRequest,
		"GET " + person + "/{request}":         p.requestForm,
		"POST " + person + "/{request}/give":   p.contribute,
		"POST " + person + "/{request}/agree":  p.agree,
		"POST " + person + "/{request}/cancel": p.cancelRequest,
	} {
		mux.Handle(pattern, p.staff(h))
	}
}
