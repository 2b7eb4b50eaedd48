package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/vault"
)

const fresh = "lune kova rami tesu"

func (tn *town) memberPath(w *consenttest.Staff, change string) string {
	return tn.relayPath() + "/team/" + w.ID().String() + change
}

// words are what stands alone on the page to be written down.
func (g *page) words() (all []string) {
	for _, found := range regexp.MustCompile(`<p class="words" dir="ltr">([^<]+)</p>`).FindAllStringSubmatch(g.Body, -1) {
		all = append(all, found[1])
	}
	return all
}

// sheet is the recovery sheet on a page that shows one.
func (g *page) sheet() consent.Sheet {
	g.t.Helper()
	words := g.ok("Feuille de secours du centre", "Elle n’est montrée qu’une fois").words()
	require.Len(g.t, words, 2)
	return consent.Sheet{Login: words[0], Code: words[1]}
}

func TestTheLastManagerMakesAnotherOneAndLeaves(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	manager, samir := tn.desk(tn.harbor.Manager), tn.desk(tn.samir)
	leave := tn.relayPath() + "/leave"
	manager.get(tn.relayPath()).ok("Quitter ce centre")
	manager.get(leave).ok("Vous ne pouvez pas encore partir", "Changez d’abord le rôle").without(`action="` + leave + `"`)
	manager.post(leave, nil).is(http.StatusConflict, "Vous ne pouvez pas encore partir")
	manager.get(tn.memberPath(tn.harbor.Manager, "")).ok("C’est vous.").without("/roles")
	manager.get(tn.memberPath(tn.harbor.Manager, "/remove")).is(http.StatusNotFound)
	manager.shows(tn.memberPath(tn.harbor.Manager, "/roles"), url.Values{"roles": {"help"}}).ok("C’était déjà fait").without("C’est fait.")

	roles := manager.get(tn.memberPath(tn.samir, "")).ok("Changer son rôle").link(tn.memberPath(tn.samir, "/roles"))
	manager.get(roles).ok("Les clés du centre sont changées", "Non, revenir").without("ayez de quoi l’imprimer")
	manager.shows(roles, url.Values{}).is(http.StatusUnprocessableEntity)
	samir.get(tn.relayPath() + "/team").is(http.StatusForbidden)
	manager.shows(roles, url.Values{"roles": {"both"}}).ok("C’est fait.", "Aide les personnes et gère l’équipe")
	samir.get(tn.relayPath() + "/team").ok("Inviter quelqu’un")
	samir.get(leave).ok("Vous ne pourrez plus rien ouvrir ici", "Un autre responsable changera les clés")

	manager.post(leave, nil).ok("Vous avez quitté ce centre.")
	manager.get(tn.relayPath()).is(http.StatusForbidden)
	samir.get(leave).ok("Vous ne pouvez pas encore partir")
	gone := tn.memberPath(tn.harbor.Manager, "/remove")
	samir.get(tn.relayPath() + "/team").ok("En train de partir")
	samir.get(gone).ok("ayez de quoi l’imprimer")
	next := samir.shows(gone, nil).sheet()
	require.NotEqual(t, tn.harbor.Sheet.Code, next.Code)
	samir.get(gone).is(http.StatusNotFound)
	samir.shows(gone, nil).ok("C’était déjà fait", "changez les clés du centre")
}

func TestNewKeysOfAWorkerAreComparedByWordOfMouth(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	manager, samir, amina := tn.desk(tn.harbor.Manager), tn.desk(tn.samir), tn.amina()
	amina.follows(tn.harbor.Relay, nil).ok()
	before := samir.get("/staff").ok().word()
	samir.get("/password").ok("un responsable devra comparer vos nouveaux chiffres").without(`name="sheet"`)
	amina.get("/password").ok("Toutes les clés de votre espace").without("un responsable devra")
	manager.get(tn.memberPath(tn.samir, "/renew")).is(http.StatusNotFound)
	samir.post("/password", url.Values{"old": {tn.samir.Password}, "new": {fresh}, "repeat": {fresh}, "known": {"1"}}).ok("Le mot de passe est changé.")
	samir.get(tn.relayPath()).is(http.StatusForbidden, "Vos clés ont changé.")

	manager.get(tn.relayPath() + "/team").ok("Ses clés ont changé")
	renew := manager.get(tn.memberPath(tn.samir, "")).ok().link(tn.memberPath(tn.samir, "/renew"))
	manager.get(renew).ok("Demandez-lui de vive voix les 24 chiffres")
	now := samir.get("/staff").ok().word()
	require.NotEqual(t, before, now)
	manager.get(renew).without(now)
	manager.shows(renew, url.Values{"fingerprint": {before}}).is(http.StatusUnprocessableEntity, "Ces chiffres ne sont pas ceux de cette clé.")
	manager.shows(renew, url.Values{}).is(http.StatusUnprocessableEntity, "Remplissez cette case.")
	manager.shows(renew, url.Values{"fingerprint": {now}}).ok("C’est fait.").without("Ses clés ont changé")
	tn.opens(samir).ok("Vous êtes dans l’espace de")

	// Who is away while their keys change, asks anew.
	suspend, resume := tn.memberPath(tn.samir, "/suspend"), tn.memberPath(tn.samir, "/resume")
	manager.get(suspend).ok("Vous pourrez la laisser entrer à nouveau")
	manager.shows(suspend, nil).ok("Suspendu")
	samir.post("/password", url.Values{"old": {fresh}, "new": {password}, "repeat": {password}, "known": {"1"}}).ok("Mes centres")
	manager.get(resume).ok("avec le rôle d’avant")
	manager.shows(resume, nil).is(http.StatusConflict, "Ses clés ont changé depuis.")
}

func TestWhoForgotTheirPasswordComesInWithANewAccount(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	manager, amina := tn.desk(tn.harbor.Manager), tn.amina()
	amina.follows(tn.harbor.Relay, nil).ok()
	replace := tn.memberPath(tn.samir, "/replace")
	manager.get(replace).ok("Personne ne peut rendre un mot de passe", "Aucun nouveau compte ne demande à entrer").without(`action="` + replace + `"`)
	code := manager.post(tn.relayPath()+"/team/invite", url.Values{"roles": {"help"}}).ok().word()

	again := tn.stranger()
	ask := again.get(again.post("/staff/join", url.Values{"invitation": {code}, "worker": {"Samir B."}, "new": {password}, "repeat": {password}, "agreed": {"1"}}).ok().link("/staff/ask")).ok()
	require.Contains(t, ask.Body, `value="`+code+`"`, "typed once")
	again.post("/staff/ask", url.Values{"invitation": {code}}).ok("Lisez maintenant vos chiffres")
	digits := again.get("/staff").ok().word()
	g := manager.get(replace).ok("Samir B.").without(digits)
	account := regexp.MustCompile(`name="person" value="([a-z2-7]{26})"`).FindStringSubmatch(g.Body)[1]
	form := url.Values{"person": {account}, "roles": {"help"}, "fingerprint": {"0000 0000 0000 0000 0000 0000"}}
	manager.shows(replace, url.Values{"roles": {"help"}}).is(http.StatusUnprocessableEntity, "Remplissez cette case.")
	manager.shows(replace, form).is(http.StatusUnprocessableEntity, "Ces chiffres ne sont pas ceux de cette clé.")
	form.Set("fingerprint", digits)
	team := manager.shows(replace, form).ok("C’est fait.", "Samir B.")
	manager.shows(replace, form).ok("C’était déjà fait")
	require.NotContains(t, team.Body, tn.samir.ID().String(), "the former account is out")
	tn.opens(again).ok("Vous êtes dans l’espace de")
	tn.desk(tn.samir).get(tn.relayPath()).is(http.StatusForbidden)
}

func TestTheLastManagerIsWarnedBeforeTheirKeysChangeAndComesBackWithTheSheet(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	boss := tn.harbor.Manager
	manager := tn.desk(boss)
	manager.get("/password").ok("vous êtes la seule personne qui peut gérer", "Accueil du Port", "J’ai la feuille de secours sous les yeux.")
	change := url.Values{"old": {boss.Password}, "new": {fresh}, "repeat": {fresh}, "known": {"1"}}
	manager.post("/password", change).is(http.StatusUnprocessableEntity, "vous êtes la seule personne", "Cochez la case")
	manager.get(tn.relayPath() + "/team").ok("Inviter quelqu’un")
	change.Set("sheet", "1")
	manager.post("/password", change).ok("Le mot de passe est changé.")
	manager.get(tn.relayPath()+"/team").is(http.StatusForbidden, "Vos clés ont changé.")

	tn.stranger().get("/staff/sign-in").ok("Plus aucun responsable ne peut entrer ?")
	manager.get("/staff").ok("Entrer avec la feuille de secours")
	manager.get("/staff/recover").ok("Quand plus aucun responsable ne peut entrer.")
	sheet := url.Values{"sheetlogin": {tn.harbor.Sheet.Login}, "sheetcode": {"0000"}}
	manager.post("/staff/recover", sheet).is(http.StatusUnprocessableEntity, "Cochez la case")
	sheet.Set("sure", "1")
	manager.post("/staff/recover", sheet).is(http.StatusUnprocessableEntity, "Ce code n’a pas pu être lu.")
	sheet.Set("sheetcode", tn.stage.Relay(t, "Ailleurs").Sheet.Code)
	manager.post("/staff/recover", sheet).is(http.StatusUnauthorized, "Cette feuille n’ouvre rien.")
	sheet.Set("sheetcode", strings.ReplaceAll(tn.harbor.Sheet.Code, " ", ""))
	next := manager.post("/staff/recover", sheet).ok("Accueil du Port").sheet()
	require.NotEqual(t, tn.harbor.Sheet.Code, next.Code)
	manager.post("/staff/recover", sheet).is(http.StatusUnauthorized, "Une feuille plus récente")
	manager.get(tn.relayPath() + "/team").ok("Inviter quelqu’un").without("Ses clés ont changé")
	manager.get(tn.relayPath()+"/team/journal").ok("Entrée avec la feuille de secours", "Laissé entrer dans l’équipe : « Manager of Accueil du Port »", "Toutes les clés du centre changées")
}

func TestAManagerChangesTheKeysAndReadsTheJournal(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	manager, samir, amina := tn.desk(tn.harbor.Manager), tn.desk(tn.samir), tn.amina()
	amina.follows(tn.harbor.Relay, nil).ok()
	samir.get(tn.relayPath()).ok("Amina K.")
	keys, journal := tn.relayPath()+"/team/keys", tn.relayPath()+"/team/journal"
	for _, path := range []string{keys, journal} {
		samir.get(path).is(http.StatusForbidden, "Il faut être responsable")
		manager.get(tn.relayPath() + "/team").link(regexp.QuoteMeta(path))
	}
	samir.post(keys, nil).is(http.StatusForbidden)
	poster := manager.get(tn.relayPath() + "/team").ok("L’affiche du centre").link(tn.relayPath() + "/poster")
	manager.get(poster).ok("Accueil du Port", consent.QRText(tn.harbor.Relay), consent.Fingerprint(tn.harbor.Key))
	manager.get(keys).ok("L’équipe et les personnes suivies continuent", "l’ancienne ne vaudra plus rien")
	first := manager.shows(keys, nil).ok("Accueil du Port", "C’est imprimé").sheet()
	second := manager.shows(keys, nil).sheet()
	require.Equal(t, first.Login, second.Login)
	require.NotEqual(t, first.Code, second.Code)
	tn.opens(samir).ok("Vous êtes dans l’espace de")

	manager.shows(tn.relayPath()+"/team/"+tn.samir.ID().String()+"/remove", nil).ok("C’est fait.")
	g := manager.get(journal).ok(
		"Manager of Accueil du Port · Laissé entrer dans l’équipe : « Samir »", "Accès à l’équipe terminé, ou remplacé par un nouveau : « Samir »",
		"Samir · Mis dans la liste du centre : « Amina K. »", "Toutes les clés du centre changées",
	).without("Liste des personnes suivies regardée", "inbox key", "Vous ·", "partage :</")
	all := manager.get(journal+"?all=1").ok("Liste des personnes suivies regardée", "Équipe regardée")
	require.Greater(t, strings.Count(all.Body, "<time "), strings.Count(g.Body, "<time "))
	older := all.link(regexp.QuoteMeta(journal) + `\?all=1[^"]+`)
	manager.get(older).ok("Le centre a été fondé", "Avec la feuille de secours, ou à la fondation")
}

func TestAnInvitationIsListedForWhomItIsAndTakenBack(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	manager, team := tn.desk(tn.harbor.Manager), tn.relayPath()+"/team"
	invite := func(label string) *page {
		return manager.post(team+"/invite", url.Values{"roles": {"help"}, "invited": {label}})
	}
	manager.get(team).ok().without("Invitations en cours")
	lost := invite("Perdu <b>").ok("Donnez-le à une seule personne.").word()
	g := invite("Léa").ok("Invitations en cours", "Perdu <b>", "Léa", "Faite par", "Aide les personnes")
	code := g.word()
	invite("a\u202eb").is(http.StatusUnprocessableEntity, "un caractère qui ne peut pas être gardé")
	back := manager.get(team).ok().without(code, lost).link(regexp.QuoteMeta(team) + `/invitations/[a-z2-7]{26}/take-back`)
	for _, at := range regexp.MustCompile(regexp.QuoteMeta(team)+`/invitations/[a-z2-7]{26}/take-back`).FindAllString(g.Body, -1) {
		card := g.Body[:strings.Index(g.Body, at)]
		if strings.LastIndex(card, "Perdu") > strings.LastIndex(card, "Léa") {
			back = at
		}
	}
	tn.desk(tn.samir).post(back, nil).is(http.StatusForbidden, "Il faut être responsable")
	manager.post(back, nil).ok("L’invitation est reprise", "Léa").without("Perdu")
	manager.post(back, nil).ok("Cette invitation n’est plus là")
	tn.stranger().post("/staff/join", url.Values{"invitation": {lost}, "worker": {"X"}, "new": {password}, "repeat": {password}, "agreed": {"1"}}).is(http.StatusUnprocessableEntity, "ne permet")
	manager.get(team + "/journal").ok("Invitation reprise : « Perdu <b> »")
}

func TestWhoAsksIsRefusedWithAButtonAndToldSo(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	manager, team := tn.desk(tn.harbor.Manager), tn.relayPath()+"/team"
	manager.get("/staff").ok("L’équipe").without("demande à entrer")
	code := manager.post(team+"/invite", url.Values{"roles": {"help"}}).ok().word()
	lea := tn.stranger()
	lea.post("/staff/join", url.Values{"invitation": {code}, "worker": {"Léa <b>"}, "new": {password}, "repeat": {password}, "agreed": {"1"}}).ok()
	lea.post("/staff/ask", url.Values{"invitation": {code}}).ok("Demandé le")
	manager.get("/staff").ok("1 personne demande à entrer")
	refuse := manager.get(team).ok("Demandent à entrer", "Refuser cette demande", "Léa <b>").link(regexp.QuoteMeta(team) + `/requests/[a-z2-7]{26}/refuse`)
	tn.desk(tn.samir).post(refuse, nil).is(http.StatusForbidden, "Il faut être responsable")
	manager.post(refuse, nil).ok("La demande est refusée").without("Léa")
	manager.post(refuse, nil).ok("Cette demande n’est plus là")
	manager.post(team+"/requests/nobody/refuse", nil).is(http.StatusNotFound, "")
	manager.get("/staff").ok().without("demande à entrer")
	manager.get(team + "/journal").ok("Demande d’entrer refusée : « Léa <b> »")
	lea.get("/staff").ok("Accueil du Port", "a refusé votre demande").without("Demandé le")
	lea.get("/staff?done=asked-relay").ok("a refusé votre demande").without("Lisez maintenant vos chiffres")
}

func TestWhoAsksACentreIsToldWhichAndSinceWhenAndWhoIsOutIsToldSo(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	manager, team := tn.desk(tn.harbor.Manager), tn.relayPath()+"/team"
	code := func() string { return manager.post(team+"/invite", url.Values{"roles": {"help"}}).ok().word() }
	first := code()
	lea := tn.stranger()
	lea.post("/staff/join", url.Values{"invitation": {first}, "worker": {"Léa"}, "new": {password}, "repeat": {password}, "agreed": {"1"}}).ok()
	lea.get("/staff").ok("Vous n’êtes pour l’instant dans l’équipe d’aucun centre").without("Accueil du Port")
	g := lea.post("/staff/ask", url.Values{"invitation": {first}}).ok("Accueil du Port", "Demandé le", "Un responsable doit encore vous laisser entrer").without("d’aucun centre")
	back := g.link(`/staff/ask/[a-z2-7]{26}/take-back`)
	lea.post(back, nil).ok("C’est fait.", "d’aucun centre").without("Accueil du Port")
	manager.get(team).ok().without("Demandent à entrer")

	digits := lea.post("/staff/ask", url.Values{"invitation": {code()}}).ok("Demandé le").word()
	admit := manager.get(team).ok("Demandent à entrer").form(team+"/admit", url.Values{"fingerprint": {digits}, "roles": {"help"}})
	manager.shows(team+"/admit", admit).ok("cette personne est dans l’équipe")
	lea.get("/staff").ok("Accueil du Port").without("Demandé le", "n’y êtes plus")
	manager.shows(team+"/"+admit.Get("person")+"/remove", nil).ok("C’est fait.")
	lea.get("/staff").ok("Accueil du Port", "Vous n’êtes pas dans cette équipe, ou vous n’y êtes plus").without("Demandé le", "d’aucun centre")
	lea.post(back, nil).ok("d’aucun centre").without("Accueil du Port")
}

// A session that was left open lets nobody in for good: neither as a worker nor by the
// recovery sheet, which whoever takes a manager out is shown, too.
func TestAnOpenSessionAloneChangesNoTeam(t *testing.T) {
	t.Parallel()
	tn := newTown(t)
	other := tn.harbor.Hire(t, "Other", consent.RoleManage)
	manager, team := tn.desk(tn.harbor.Manager), tn.relayPath()+"/team"
	code := manager.post(team+"/invite", url.Values{"roles": {"help"}}).ok().word()
	thief := tn.stranger()
	thief.post("/staff/join", url.Values{"invitation": {code}, "worker": {"Samir"}, "new": {password}, "repeat": {password}, "agreed": {"1"}}).ok()
	thief.post("/staff/ask", url.Values{"invitation": {code}}).ok("Lisez maintenant vos chiffres")
	digits := thief.get("/staff").ok().word()
	g := manager.get(team).ok("Demandent à entrer")
	admit := g.form(team+"/admit", url.Values{"fingerprint": {digits}, "roles": {"both"}})
	for path, form := range map[string]url.Values{
		team + "/admit": admit, team + "/keys": {},
		tn.memberPath(tn.samir, "/roles"):   {"roles": {"both"}},
		tn.memberPath(tn.samir, "/replace"): {"person": {admit.Get("person")}, "roles": {"both"}, "fingerprint": {digits}},
		tn.memberPath(other, "/suspend"):    {}, tn.memberPath(other, "/remove"): {}, tn.memberPath(other, "/roles"): {"roles": {"help"}},
	} {
		form.Del("password")
		manager.post(path, form).is(http.StatusUnprocessableEntity, "Remplissez cette case.")
		form.Set("password", "not the password")
		require.Empty(t, manager.post(path, form).is(http.StatusUnauthorized, "Ce n’est pas le bon mot de passe.").words())
		manager.get(tn.memberPath(other, "")).ok() // one right try is not counted
		require.NoError(t, tn.harbor.Manager.Own().ShowSecret(t.Context(), vault.Secret{Password: tn.harbor.Manager.Password}))
	}
	manager.get(team).ok("Demandent à entrer")
	thief.get(tn.relayPath()).is(http.StatusForbidden)
	manager.shows(team+"/admit", admit).is(http.StatusUnauthorized)
	admit.Del("password")
	manager.shows(team+"/admit", admit).ok("cette personne est dans l’équipe")
}
