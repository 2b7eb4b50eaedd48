// Package problem holds the one table that says how each error of the library
// is told to a person or a program: HTTP status, a stable name and a plain
// sentence. Pages and the JSON API read the same table, so that they cannot
// differ in what they give away. No sentence repeats what a request or an error
// held: no name, no login, no id.
package problem

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"reconnect.example/consent"
	"reconnect.example/quota"
	"reconnect.example/recovery"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Errors of the server itself, beside those of the library.
var (
	// ErrRequest: the request cannot be read as it is.
	ErrRequest = errors.New("refserver: the request cannot be read")
	// ErrTruncated: the sender stopped before the end of an upload.
	ErrTruncated = errors.New("refserver: the upload was cut short")
	// ErrTooLarge: a form or a JSON body is larger than any that this server reads.
	ErrTooLarge = errors.New("refserver: the request is too large")
	// ErrNoPage: there is nothing at this address.
	ErrNoPage = errors.New("refserver: no such address")
	// ErrOwnPart: the sheet or the answers on the hand-over page are wrong. It tells
	// vault.ErrSignIn there, where nobody typed a login or a password.
	ErrOwnPart = errors.New("refserver: the sheet or the answers are not right")
	// ErrHandOverEnded: the page on which the person goes on alone was left for too long.
	ErrHandOverEnded = errors.New("refserver: this hand-over has ended; enter number and code again")
	// ErrWorkerHere: a worker is signed in on the device on which the person would go on
	// alone.
	ErrWorkerHere = errors.New("refserver: a worker is signed in here; lock or end that session first")
	// ErrCrossOrigin: another site sent this request in the person's name.
	ErrCrossOrigin = errors.New("refserver: refused, sent by another site")
)

// Problem is one way in which a request can end badly.
type Problem struct {
	Status int           // HTTP status
	Code   string        // stable: "sign-in", "full", …; for errors of the library that of vault.Code
	Retry  time.Duration // for the Retry-After header; 0: none
	fr, en string
}

// Type is the stable URI of an RFC 9457 problem.
func (p Problem) Type() string { return "https://reconnect.example/problems/" + p.Code }

// Sentence says in plain words what happened and what to do, in French for
// "fr" and in English for any other language.
func (p Problem) Sentence(language string) string {
	if language == "fr" {
		return p.fr
	}
	return p.en
}

// entry is a line of the table.
type entry struct {
	err error
	Problem
}

// Of returns the problem that tells an error. What is in no line is an internal
// error, and says nothing about its cause.
func Of(err error) Problem {
	for _, line := range table {
		if !errors.Is(err, line.err) {
			continue
		}
		p := line.Problem
		var backOff *vault.BackOffError
		if errors.As(err, &backOff) {
			// Whole seconds, rounded up: who comes back then is let in.
			p.Retry = max(time.Second, (backOff.Wait + time.Second - 1).Truncate(time.Second))
		}
		return p
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return Of(ErrTooLarge)
	}
	return internal
}

var internal = Problem{500, "internal", 0,
	"Une erreur est survenue chez nous. Rien de ce qui était enregistré n’est perdu. Réessayez plus tard.",
	"Something went wrong on our side. Nothing that was stored is lost. Please try again later."}

// table is in the order in which errors are looked for: ErrSignIn first,
// because a tampered keyslot answers like a wrong secret (E8).
var table = []entry{
	{vault.ErrSignIn, Problem{401, "sign-in", 0,
		"L’identifiant ou le mot de passe n’est pas le bon.",
		"The login or the password is not right."}},
	{vault.ErrCardDead, Problem{401, "card-dead", 0,
		"Cette carte est bloquée : il y a eu trop d’essais. Connectez-vous avec votre mot de passe, puis demandez une nouvelle carte.",
		"This card is blocked: there were too many tries. Sign in with your password, then ask for a new card."}},
	{vault.ErrSecondFactor, Problem{401, "second-factor", 0,
		"Il manque le code de l’application, ou ce n’est pas le bon. Attendez le code suivant, puis réessayez.",
		"The code from the app is missing or not right. Wait for the next code, then try again."}},
	{vault.ErrBackOff, Problem{429, "back-off", 0,
		"Il y a eu beaucoup d’essais. Il faut attendre un peu avant le prochain.",
		"There were many tries. Please wait a little before the next one."}},
	{vault.ErrBusy, Problem{503, "busy", 5 * time.Second,
		"Beaucoup de personnes se connectent en ce moment. Réessayez dans quelques secondes.",
		"Many people are signing in right now. Please try again in a few seconds."}},
	{vault.ErrSessionEnded, Problem{401, "session-ended", 0,
		"Vous n’êtes plus connecté. Connectez-vous à nouveau.",
		"You are no longer signed in. Please sign in again."}},
	{vault.ErrLocked, Problem{423, "locked", 0,
		"Votre session est verrouillée : quelqu’un d’autre se sert de cet appareil. Votre mot de passe l’ouvre.",
		"Your session is locked: somebody else is using this device. Your password opens it."}},
	{vault.ErrNotFound, Problem{404, "not-found", 0,
		"Cela n’existe pas ici, ou n’existe plus.",
		"There is no such thing here, or not any more."}},
	{vault.ErrRevision, Problem{409, "revision", 0,
		"Cet élément a été changé entre-temps. Regardez-le à nouveau, puis refaites votre changement.",
		"This item was changed in the meantime. Look at it again, then make your change once more."}},
	{vault.ErrInvalid, Problem{422, "invalid", 0,
		"Un champ n’est pas rempli comme il faut.",
		"One field is not filled in correctly."}},
	{consent.ErrFollowed, Problem{409, "followed", 0,
		"Ce centre vous suit déjà. Retirez d’abord son accès si vous voulez le changer.",
		"This centre follows you already. End its access first if you want to change it."}},
	{consent.ErrLicence, Problem{409, "licence", 0,
		"Ce centre n’a pas de licence en cours : il ne peut pas ouvrir de nouveau compte. Tout le reste continue.",
		"This centre has no licence in force: it cannot open new accounts. Everything else goes on."}},
	{consent.ErrInvitation, Problem{403, "invitation", 0,
		"Ce code ne permet pas d’entrer. Demandez-en un nouveau.",
		"This code lets nobody in. Ask for a new one."}},
	{consent.ErrNotMember, Problem{403, "not-member", 0,
		"Ce compte ne travaille pas, ou plus, pour ce centre.",
		"This account does not work for this centre, or not any more."}},
	{consent.ErrNotManager, Problem{403, "not-manager", 0,
		"Il faut être responsable de ce centre pour cela.",
		"This takes a manager of this centre."}},
	{consent.ErrNoSecondFactor, Problem{403, "no-second-factor", 0,
		"Il faut d’abord mettre en place le code à l’entrée.",
		"The code at sign-in must be set up first."}},
	{consent.ErrKeyChanged, Problem{403, "key-changed", 0,
		"Vos clés ont changé. Un responsable doit les comparer et vous laisser entrer à nouveau.",
		"Your keys have changed. A manager must compare them and let you in again."}},
	{consent.ErrFingerprint, Problem{422, "fingerprint", 0,
		"Ces chiffres ne sont pas ceux de cette clé. Comparez-les encore une fois.",
		"These are not the digits of this key. Compare them once more."}},
	{consent.ErrLastManager, Problem{409, "last-manager", 0,
		"Ce centre n’a pas d’autre responsable. Il faut d’abord en mettre un autre.",
		"This centre has no other manager. There must be another one first."}},
	{consent.ErrOutdated, Problem{409, "outdated", 0,
		"L’annuaire a changé entre-temps. Refaites votre changement.",
		"The directory was changed in the meantime. Make your change again."}},
	{consent.ErrNotNamed, notNamed}, {consent.ErrNoDirectory, notNamed},
	{vault.ErrNotAllowed, Problem{403, "not-allowed", 0,
		"Ce geste n’est pas permis ici. La personne peut le faire elle-même.",
		"This is not allowed here. The person can do it themself."}},
	{vault.ErrEnded, Problem{403, "ended", 0,
		"Cet accès est terminé. La personne peut en donner un nouveau.",
		"This access has ended. The person can give a new one."}},
	{vault.ErrNoHelper, Problem{409, "no-helper", 0,
		"Personne ne pourrait aider par ce moyen. Il faut d’abord qu’un centre vous suive.",
		"Nobody could help in this way. Let a centre follow you first."}},
	{vault.ErrOneOrganisation, Problem{409, "one-organisation", 0,
		"Ce moyen demande deux associations différentes, et il n’y en a qu’une ici.",
		"This way takes two different organisations, and there is only one here."}},
	{recovery.ErrCode, Problem{403, "hand-over-code", 0,
		"Le numéro ou le code n’est pas le bon. Vérifiez les deux et réessayez, ou demandez-en de nouveaux.",
		"The number or the code is not right. Check both and try again, or ask for new ones."}},
	{recovery.ErrSpent, Problem{403, "tries-spent", 0,
		"Il y a eu trop d’essais. Demandez un nouveau code, ou choisissez un autre moyen.",
		"There were too many tries. Ask for a new code, or choose another way."}},
	{recovery.ErrOpen, Problem{409, "recovery-open", 0,
		"Une demande pour ce moyen est ouverte et attend. Continuez avec celle-ci, ou annulez-la d’abord : une nouvelle recommencerait l’attente.",
		"A request for this way back in is open and waits. Go on with that one, or cancel it first: a new one would begin to wait anew."}},
	{recovery.ErrRequest, Problem{410, "recovery-over", 0,
		"Cette demande est terminée. Il faut en ouvrir une nouvelle.",
		"This request is over. A new one must be opened."}},
	{recovery.ErrNotReady, Problem{409, "not-ready", 0,
		"Il manque encore quelque chose : l’accord de quelqu’un, le second code, ou un délai. Réessayez ensuite avec le même code.",
		"Something is still missing: somebody’s agreement, the second code, or a wait. Try again then, with the same code."}},
	{recovery.ErrAgreed, Problem{409, "agreed", 0,
		"Cet accord ne compte pas, ou pas deux fois : il faut une autre personne, et deux associations différentes.",
		"This agreement does not count, or not twice: it takes another person, and two different organisations."}},
	{recovery.ErrWeak, Problem{422, "weak", 0,
		"Ces réponses se devinent trop facilement. Choisissez-en de plus longues, ou plus de questions.",
		"These answers are too easy to guess. Choose longer ones, or more questions."}},
	{recovery.ErrNotIndependent, Problem{409, "not-independent", 0,
		"Ce moyen n’est pas assez sûr ici : la même association tient le service et le témoin. Choisissez un autre moyen.",
		"This way is not safe enough here: the same organisation runs the service and its witness. Choose another way."}},
	{recovery.ErrNotOffered, Problem{409, "not-offered", 0,
		"Ce service ne propose pas ce moyen. Choisissez-en un autre.",
		"This service does not offer this way. Choose another one."}},
	{ErrOwnPart, Problem{403, "own-part", 0,
		"Cette feuille ou ces réponses ne sont pas les bonnes. Essayez encore une fois, sans vous presser.",
		"This sheet or these answers are not right. Try once more, there is no hurry."}},
	{ErrHandOverEnded, Problem{401, "hand-over-ended", 0,
		"Cette page n’est plus valable. Si vous avez déjà choisi un nouveau mot de passe, connectez-vous avec lui. Sinon, entrez à nouveau le numéro et le code.",
		"This page is over. If you have set a new password already, sign in with it. If not, enter the number and the code again."}},
	{ErrWorkerHere, Problem{409, "worker-here", 0,
		"Quelqu’un du centre est connecté sur cet appareil. Il faut d’abord verrouiller ou fermer sa session.",
		"Somebody of the centre is signed in on this device. Their session must be locked or ended first."}},
	{vault.ErrTooMany, Problem{409, "too-many", 0,
		"Il y a déjà trop d’éléments. Il faut d’abord en enlever un.",
		"There are too many items already. Please remove one first."}},
	{vault.ErrTooManyLocked, Problem{409, "too-many-locked", 0,
		"Des papiers privés attendent déjà un ancien mot de passe, après 32 retours. Prenez un autre moyen, qui ouvre aussi ce qui est privé. Rien n’a été changé ni perdu.",
		"Private papers already wait for an old password, after 32 returns. Take another way, one that also opens what is private. Nothing was changed or lost."}},
	{vault.ErrNotEmpty, Problem{409, "not-empty", 0,
		"Ce dossier contient encore quelque chose. Videz-le d’abord.",
		"This folder still holds something. Please empty it first."}},
	{vault.ErrBusyMoving, Problem{409, "busy-moving", 0,
		"Un autre papier est en train de changer de visibilité. Réessayez dans un instant.",
		"Another paper is being made private or shared. Please try again in a moment."}},
	{vault.ErrFull, Problem{507, "full", 0,
		"Il n’y a plus assez de place dans votre espace. Rien n’a été perdu.",
		"There is not enough room left in your space. Nothing was lost."}},
	{quota.ErrPending, Problem{409, "pending", 0,
		"Vous avez déjà demandé plus de place. La demande attend une réponse.",
		"You have already asked for more room. The request waits for an answer."}},
	{vault.ErrUploadExpired, Problem{408, "upload-expired", 0,
		"L’envoi a duré trop longtemps. Recommencez-le.",
		"The upload took too long. Please start it again."}},
	{vault.ErrClosing, Problem{409, "closing", 0,
		"Votre compte est fermé : vous pouvez lire et tout emporter, ou le rouvrir.",
		"Your account is closed: you can read and take everything, or open it again."}},
	{vault.ErrTampered, Problem{500, "tampered", 0,
		"Cet élément a été modifié hors de votre espace. Il n’est pas montré. Prévenez le service.",
		"This item was altered outside your space. It is not shown. Please tell the service."}},
	{vault.ErrStale, Problem{500, "stale", 0,
		"Les données du service sont plus anciennes qu’elles ne devraient. Prévenez le service.",
		"The stored data is older than it should be. Please tell the service."}},
	{vault.ErrPolicy, Problem{500, "policy", 0,
		"Le service a refusé de lire ces données. Prévenez le service.",
		"The service refused to read this data. Please tell the service."}},
	{vault.ErrUntrustedKey, Problem{500, "untrusted-key", 0,
		"Une clé n’est pas celle qui était attendue. Rien n’a été fait. Prévenez le service.",
		"A key is not the one that was expected. Nothing was done. Please tell the service."}},
	{vault.ErrWitnessAway, Problem{503, "witness-away", 30 * time.Second,
		"Un service de sécurité ne répond pas. Rien n’a été changé. Réessayez plus tard.",
		"A security service does not answer. Nothing was changed. Please try again later."}},
	{vault.ErrUnconfirmed, Problem{202, "unconfirmed", 0,
		"C’est fait, mais un service de sécurité ne l’a pas encore confirmé. Ce sera fait à la prochaine connexion.",
		"It is done, but a security service has not confirmed it yet. The next sign-in will."}},
	{vault.ErrKeyService, Problem{503, "key-service", 30 * time.Second,
		"Le service des clés ne répond pas. Rien n’a été changé. Réessayez plus tard.",
		"The key service does not answer. Nothing was changed. Please try again later."}},
	{vault.ErrUnknown, Problem{503, "unknown", 5 * time.Second,
		"La réponse s’est perdue. Regardez si c’est fait avant de recommencer.",
		"The answer was lost. Please look whether it was done before doing it again."}},
	{ErrTruncated, Problem{400, "truncated", 0,
		"L’envoi s’est arrêté avant la fin. Rien n’a été enregistré. Recommencez.",
		"The upload stopped before its end. Nothing was stored. Please start again."}},
	{vault.ErrStorage, storageAway}, {vault.ErrClosed, storageAway},
	{storage.ErrNoSpace, storageAway}, {storage.ErrUnavailable, storageAway}, {storage.ErrReadOnly, storageAway}, {storage.ErrDamaged, storageAway},
	{ErrTooLarge, Problem{413, "too-large", 0,
		"Ce que vous avez envoyé est trop long.",
		"What you sent is too long."}},
	{ErrRequest, Problem{400, "request", 0,
		"La demande n’a pas pu être lue.",
		"The request could not be read."}},
	{ErrNoPage, Problem{404, "no-page", 0,
		"Il n’y a rien à cette adresse.",
		"There is nothing at this address."}},
	{ErrCrossOrigin, Problem{403, "cross-origin", 0,
		"Cette demande vient d’un autre site. Elle est refusée.",
		"This request came from another site. It is refused."}},
	{context.Canceled, cutOff}, {context.DeadlineExceeded, cutOff}, {io.ErrUnexpectedEOF, cutOff},
}

var notNamed = Problem{404, "not-named", 0,
	"L’annuaire ne nomme aucun centre de ce nom.",
	"The directory names no such centre."}

var storageAway = Problem{503, "storage", 30 * time.Second,
	"Le stockage ne répond pas. Ce qui était enregistré est en sécurité. Réessayez plus tard.",
	"The storage does not answer. What was stored is safe. Please try again later."}

var cutOff = Problem{408, "cut-off", 0,
	"La connexion s’est arrêtée. Rien n’a été enregistré. Recommencez.",
	"The connection stopped. Nothing was stored. Please start again."}

// All returns every problem that Of can return, for the documentation of the API.
func All() []Problem {
	all := []Problem{internal}
	seen := map[string]bool{internal.Code: true}
	for _, line := range table {
		if !seen[line.Code] {
			seen[line.Code] = true
			all = append(all, line.Problem)
		}
	}
	return all
}
