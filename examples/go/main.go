// A product's API with net/http.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"tollgate-example/tollgate"
)

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func answer(w http.ResponseWriter, message string) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

func main() {
	issuer := strings.TrimRight(setting("TOLLGATE_URL", "http://127.0.0.1:8080"), "/")
	guard, err := tollgate.NewGuard(context.Background(), tollgate.Config{
		Issuer:       issuer,
		Audience:     setting("TOLLGATE_AUDIENCE", issuer),
		ClientID:     os.Getenv("TOLLGATE_CLIENT_ID"),
		ClientSecret: os.Getenv("TOLLGATE_CLIENT_SECRET"),
	})
	if err != nil {
		log.Fatal(err)
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /public", func(w http.ResponseWriter, r *http.Request) {
		answer(w, "Everyone may read this.")
	})
	mux.HandleFunc("GET /notes", guard.User(func(w http.ResponseWriter, r *http.Request, user *tollgate.Claims) {
		answer(w, fmt.Sprintf("The notes of %s.", user.Subject))
	}))
	mux.HandleFunc("GET /export", guard.Tier(2, func(w http.ResponseWriter, r *http.Request, user *tollgate.Claims) {
		answer(w, fmt.Sprintf("The export of %s.", user.Subject))
	}))
	mux.HandleFunc("GET /payout", guard.LiveSession(func(w http.ResponseWriter, r *http.Request, user *tollgate.Claims) {
		answer(w, fmt.Sprintf("The payout of %s.", user.Subject))
	}))

	listener, err := net.Listen("tcp", "127.0.0.1:"+setting("PORT", "3000"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("ready http://%s\n", listener.Addr())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.Serve(listener))
}
