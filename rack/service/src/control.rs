//! The operator's side, on a socket that nobody on the bridge can reach.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use rack::control::{Arm, Disarm, InstallStatus, MachineStatus, Refused, Sighting};
use rack::{Asking, Book, Decision, Install, InstallState, Syntax};

use crate::house::House;
use crate::memory::installs::{self, Known, Order};
use crate::memory::sightings;
use crate::{clock, lines, memory, secrets, token};

/// No token lives longer.
const LONGEST: Duration = Duration::from_hours(30 * 24);

/// Why the operator is refused.
struct Refusal(StatusCode, Refused);

/// What the operator is told.
type Answer<T> = Result<Json<T>, Refusal>;

/// The pages of the control socket.
pub(crate) fn router(house: Arc<House>) -> Router {
    Router::new()
        .route("/arm", post(arm))
        .route("/disarm", post(disarm))
        .route("/machines", get(machines))
        .route("/machines/{name}", get(machine))
        .route("/strangers", get(strangers))
        .with_state(house)
}

async fn arm(State(house): State<Arc<House>>, Json(arm): Json<Arm>) -> Answer<InstallStatus> {
    let book = house.book_of_this_moment().await?;
    let now = clock::milliseconds();
    let lifetime = arm.lifetime.map_or(house.settings.lifetime, Duration::from_secs).min(LONGEST);
    let order = order(&book, arm, lifetime)?;
    let secrets = secrets::read(&house.settings.secrets).await.map_err(|error| {
        Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            lines::chain(&error),
            "see `runctl logs rack`",
        )
    })?;
    rehearse(&book, &order, &secrets, now / 1000)?;
    let armed = house.memory.work({
        let order = order.clone();
        move |database| installs::arm(database, &order, now)
    });
    let armed = armed.await?.ok_or_else(|| {
        let told = format!("{} is being installed right now", order.machine);
        Refusal::conflict(told, "wait until it has finished, or disarm it first")
    })?;
    tracing::info!("{} is armed with profile {}", order.machine, order.profile);
    Ok(Json(armed))
}

/// Resolves an order by the book.
fn order(book: &Book, arm: Arm, lifetime: Duration) -> Result<Order, Refusal> {
    let machine = book.machine(&arm.machine).ok_or_else(|| Refusal::no_machine(&arm.machine))?;
    let profile = arm.profile.or_else(|| machine.profile.clone()).ok_or_else(|| {
        let told = format!("{} has no profile", arm.machine);
        Refusal::conflict(told, "name one, or give it one in machines.toml")
    })?;
    Ok(Order { machine: arm.machine, profile, token: token::fresh(), lifetime })
}

/// Goes through an install beforehand: what would go wrong is told now, and not on the machine's screen.
fn rehearse(
    book: &Book,
    order: &Order,
    secrets: &BTreeMap<String, String>,
    now: u64,
) -> Result<(), Refusal> {
    let Order { machine, profile, token, .. } = order;
    let refuse =
        |told: String| Refusal::conflict(told, "see `runctl check` and `runctl machine render`");
    let failed = |error: rack::Error| refuse(token::masked_in_text(&lines::chain(&error)));
    let found = book.profile(profile).map_err(|lacking| refuse(lacking.to_string()))?;
    if let Some(lacking) = book.lacking(found) {
        return Err(refuse(lacking.to_string()));
    }
    if !book.is_answered(found) {
        return Err(refuse(format!(
            "profile `{profile}` installs nothing; it is booted each time"
        )));
    }
    let install = as_armed(order, now);
    let machine = book.machine(machine).ok_or_else(|| Refusal::no_machine(machine))?;
    for mac in machine.macs.iter().copied() {
        let address = machine.address;
        let asking = Asking { mac, address, architecture: None, platform: None, becomes: None };
        let decision = book.decide(&asking, Some(&install), now);
        if let Decision::LocalDisk { why } = decision {
            return Err(refuse(format!("{} would boot its disk: {why}", machine.name)));
        }
        book.script(Syntax::Ipxe, &asking, &decision).map_err(failed)?;
        for name in book.install_files(profile).map_err(failed)? {
            book.install_file(&asking, profile, token, name, Some(secrets)).map_err(failed)?;
        }
    }
    Ok(())
}

/// An order as the book will find it.
fn as_armed(order: &Order, now: u64) -> Install {
    Install {
        machine: order.machine.clone(),
        profile: order.profile.clone(),
        token: order.token.clone(),
        armed_at: now,
        expires_at: now.saturating_add(order.lifetime.as_secs()),
        stage: String::new(),
        detail: String::new(),
        served: 0,
        state: InstallState::Armed,
    }
}

async fn disarm(
    State(house): State<Arc<House>>,
    Json(disarm): Json<Disarm>,
) -> Answer<InstallStatus> {
    let now = clock::milliseconds();
    let name = disarm.machine.clone();
    let disarmed = house.memory.work(move |database| installs::disarm(database, &name, now));
    let disarmed = disarmed.await?.ok_or_else(|| {
        let told = format!("nothing is armed on {}", disarm.machine);
        Refusal::conflict(told, "`runctl machine list` tells what is")
    })?;
    tracing::info!("{} is disarmed", disarm.machine);
    Ok(Json(disarmed))
}

async fn machines(State(house): State<Arc<House>>) -> Answer<Vec<MachineStatus>> {
    let book = house.book_of_this_moment().await?;
    let known = book.machines.iter();
    let known = known
        .map(|machine| Known { name: machine.name.clone(), macs: machine.macs.clone() })
        .collect();
    let now = clock::seconds();
    Ok(Json(house.memory.work(move |database| installs::all(database, known, now)).await?))
}

async fn machine(
    State(house): State<Arc<House>>,
    Path(name): Path<String>,
) -> Answer<MachineStatus> {
    let book = house.book_of_this_moment().await?;
    let known = match (book.machine(&name), name.parse::<rack::Mac>()) {
        (Some(machine), _) => Known { name, macs: machine.macs.clone() },
        // What nobody described goes by its MAC.
        (None, Ok(mac)) => Known { name: mac.to_string(), macs: vec![mac] },
        (None, Err(_)) => return Err(Refusal::no_machine(&name)),
    };
    let now = clock::seconds();
    Ok(Json(house.memory.work(move |database| installs::one(database, known, now)).await?))
}

/// Interfaces that asked and that no machine has, latest first.
async fn strangers(State(house): State<Arc<House>>) -> Answer<Vec<Sighting>> {
    let book = house.book_of_this_moment().await?;
    let mut seen = house.memory.work(sightings::all).await?;
    seen.retain(|sighting| book.machine_of(sighting.mac).is_none());
    Ok(Json(seen))
}

impl House {
    /// The book as the operator has just written it.
    async fn book_of_this_moment(&self) -> Result<Arc<Book>, Refusal> {
        self.shelf.look(&self.settings.book).await;
        self.shelf.book().ok_or_else(Refusal::no_book)
    }
}

impl Refusal {
    fn new(status: StatusCode, error: impl Into<String>, hint: &str) -> Self {
        Self(status, Refused { error: error.into(), hint: Some(hint.to_owned()) })
    }

    fn conflict(error: impl Into<String>, hint: &str) -> Self {
        Self::new(StatusCode::CONFLICT, error, hint)
    }

    fn no_machine(name: &str) -> Self {
        let told = format!("there is no machine `{name}`");
        Self::new(StatusCode::NOT_FOUND, told, "machines.toml names them; `runctl up` tells rack")
    }

    fn no_book() -> Self {
        let told = "rack has no book that it can read";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            told,
            "`runctl up` writes it; see `runctl logs rack`",
        )
    }
}

impl From<memory::Error> for Refusal {
    fn from(error: memory::Error) -> Self {
        let told = lines::chain(&error);
        tracing::error!("{told}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, told, "see `runctl logs rack`")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}
