CREATE TABLE "cart"."price_epoch" (
	"is_only" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"epoch" integer NOT NULL,
	CONSTRAINT "price_epoch_is_only" CHECK ("cart"."price_epoch"."is_only")
);
