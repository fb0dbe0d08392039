# A static server in an empty image. Any argument replaces the default ones.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/godwit ./cmd/godwit && ln -s godwit /out/nats-server

FROM scratch
COPY --from=build /out/ /
COPY packaging/godwit.conf /godwit.conf
EXPOSE 4222 8222 6222
ENTRYPOINT ["/godwit"]
CMD ["--config", "/godwit.conf"]
