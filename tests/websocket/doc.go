// Package websocket tests the WebSocket listener from outside: real
// configurations, real clients, and raw frames where a client hides what is sent.
package websocket
