// Package tollgate verifies Tollgate's access tokens. Copy it into your service.
package tollgate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// Claims of an access token that this service uses.
type Claims struct {
	jwt.RegisteredClaims
	Session string `json:"sid"`
	Tier    int    `json:"tier"`
}

// Config says where Tollgate is.
type Config struct {
	Issuer       string // APP_URL of Tollgate
	Audience     string // TOKEN_AUDIENCE of Tollgate; by default its APP_URL
	ClientID     string // the service credential with which this service may introspect tokens
	ClientSecret string
}

// Guard protects handlers.
type Guard struct {
	config        Config
	client        *http.Client
	keys          keyfunc.Keyfunc
	introspection string
}

// Handler is one for a signed-in user.
type Handler func(http.ResponseWriter, *http.Request, *Claims)

// NewGuard reads the discovery document.
func NewGuard(ctx context.Context, config Config) (*Guard, error) {
	client := &http.Client{Timeout: 5 * time.Second}
	var discovery struct {
		Issuer        string `json:"issuer"`
		Keys          string `json:"jwks_uri"`
		Introspection string `json:"introspection_endpoint"`
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, config.Issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		return nil, err
	}
	if err := fetch(client, request, &discovery); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	if discovery.Issuer != config.Issuer {
		return nil, fmt.Errorf("the configured issuer is %s, but the issuer is %s", config.Issuer, discovery.Issuer)
	}
	// Read every 5 minutes. A key that is not known yet is requested at once, at most every 30 seconds.
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{discovery.Keys}, keyfunc.Override{
		Client:            client,
		RefreshInterval:   5 * time.Minute,
		RefreshUnknownKID: rate.NewLimiter(rate.Every(30*time.Second), 1),
		RateLimitWaitMax:  time.Millisecond,
	})
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return &Guard{config, client, keys, discovery.Introspection}, nil
}

// User admits signed-in users.
func (g *Guard) User(next Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, ok := bearer(r)
		if !ok {
			g.refuse(w, "")
			return
		}
		claims, err := g.verify(r.Context(), token)
		if err != nil {
			g.refuse(w, "invalid_token")
			return
		}
		next(w, r, claims)
	}
}

// Tier admits users whose plan has at least this tier.
func (g *Guard) Tier(required int, next Handler) http.HandlerFunc {
	return g.User(func(w http.ResponseWriter, r *http.Request, claims *Claims) {
		if claims.Tier < required {
			g.problem(w, http.StatusForbidden, "tier_required", fmt.Sprintf("This needs a plan of tier %d.", required), map[string]any{
				"required_tier": required, "tier": claims.Tier, "upgrade_url": g.config.Issuer + "/account/billing",
			})
			return
		}
		next(w, r, claims)
	})
}

// LiveSession asks Tollgate whether the session still exists: revocation and changes of plan apply at once.
func (g *Guard) LiveSession(next Handler) http.HandlerFunc {
	return g.User(func(w http.ResponseWriter, r *http.Request, claims *Claims) {
		token, _ := bearer(r)
		state, err := g.introspect(r.Context(), token)
		if err != nil {
			log.Printf("introspection failed: %v", err)
			w.Header().Set("Retry-After", "5")
			g.problem(w, http.StatusServiceUnavailable, "unavailable", "Try again in a moment.", nil)
			return
		}
		if !state.Active {
			g.refuse(w, "invalid_token")
			return
		}
		claims.Tier = state.Tier
		next(w, r, claims)
	})
}

func (g *Guard) verify(ctx context.Context, token string) (*Claims, error) {
	claims := &Claims{}
	parsed, err := jwt.ParseWithClaims(token, claims, g.keys.KeyfuncCtx(ctx),
		jwt.WithValidMethods([]string{"ES256", "EdDSA"}),
		jwt.WithIssuer(g.config.Issuer),
		jwt.WithAudience(g.config.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(30*time.Second),
	)
	if err != nil {
		return nil, err
	}
	if typ, _ := parsed.Header["typ"].(string); !strings.EqualFold(typ, "at+jwt") {
		return nil, errors.New("not an access token")
	}
	if claims.Subject == "" {
		return nil, errors.New("no subject")
	}
	return claims, nil
}

type state struct {
	Active bool `json:"active"`
	Tier   int  `json:"tier"`
}

func (g *Guard) introspect(ctx context.Context, token string) (state, error) {
	var answer state
	form := strings.NewReader(url.Values{"token": {token}}.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, g.introspection, form)
	if err != nil {
		return answer, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(g.config.ClientID, g.config.ClientSecret)
	err = fetch(g.client, request, &answer)
	return answer, err
}

func fetch(client *http.Client, request *http.Request, into any) error {
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return json.NewDecoder(response.Body).Decode(into)
}

func bearer(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "bearer") && token != ""
}

// refuse answers 401; reason is the error of RFC 6750.
func (g *Guard) refuse(w http.ResponseWriter, reason string) {
	header := "Bearer"
	if reason != "" {
		header = fmt.Sprintf("Bearer error=%q", reason)
	}
	w.Header().Set("WWW-Authenticate", header)
	g.problem(w, http.StatusUnauthorized, "unauthenticated", "Send a valid access token.", nil)
}

func (g *Guard) problem(w http.ResponseWriter, status int, code, detail string, more map[string]any) {
	body := map[string]any{
		"type": g.config.Issuer + "/problems/" + code, "title": strings.ReplaceAll(code, "_", " "),
		"status": status, "detail": detail, "code": code,
	}
	for name, value := range more {
		body[name] = value
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
